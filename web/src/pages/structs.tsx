import { useQuery } from '@tanstack/react-query';
import { type ReactElement, useState } from 'react';
import { Preview } from '../actions';
import { ask, batch, call, need, session } from '../api';
import { command } from '../commands';
import { Table } from '../lists';
import { missing, useWhoami } from '../permissions';
import { go, to, useRoute } from '../router';
import { MaySources } from '../source';
import { structsOf } from '../typed';
import type { InlineStructDef, StructDef, StructDefCompatibilityType, StructFieldDef, TypeDefinition } from '../types.gen';
import { A, Button, Field, Note, ObjectHeading, Panel, Problem, Skeleton, Time } from '../ui';
import { UsedBy, Users } from '../usedby';
import { kindOf, textOf, typeText } from '../values';
import { Compared, Definitions, Versions } from './definitions';

export function Structs(): ReactElement {
  return (
    <Definitions
      kind="structsList"
      title="Structs"
      about="The shapes that values of workflows have."
      page="structs"
      versioned
      find={async (prefix, signal) => (await call('SearchStructDef', { limit: 1000, ...prefix }, signal)).results}
      empty="lhctl deploy structDef my-struct.json"
    />
  );
}

const fieldsOf = (d: StructDef | undefined): [string, StructFieldDef][] => Object.entries(d?.structDef?.fields ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));

const fieldText = (f: StructFieldDef): string =>
  [
    typeText(f.fieldType),
    f.isNullable ? 'may be null' : 'needed',
    f.fieldType?.masked ? 'masked' : '',
    f.defaultValue && kindOf(f.defaultValue) !== 'NULL' ? `default ${textOf(f.defaultValue)}` : '',
  ]
    .filter(Boolean)
    .join(', ');

const textsOf = (d: StructDef): Map<string, string> => new Map(fieldsOf(d).map(([name, f]) => [name, fieldText(f)]));

/** TypeLink names a type, and leads to the StructDefs in it. */
function TypeLink({ of }: { of: TypeDefinition | undefined }): ReactElement {
  const inner = structsOf([of]);
  return (
    <span className="row tight">
      <span className="tag">{typeText(of)}</span>
      {inner.map((id) => (
        <A key={id.name} href={to(id.version < 0 ? ['structs', id.name] : ['structs', id.name, id.version])}>
          {id.name}
        </A>
      ))}
    </span>
  );
}

export function Struct(): ReactElement {
  const { rest, search } = useRoute();
  const [name = '', text = ''] = rest;
  const me = useWhoami();
  const [deleting, setDeleting] = useState(false);
  const other = search.get('with') ?? '';
  const seen = useQuery({
    queryKey: [session.tenant, 'struct', name, text, other],
    queryFn: async ({ signal }) => {
      const version = text ? Number(text) : need((await batch([ask('GetStructDef', { name, version: -1 })], signal))[0]).id?.version ?? 0;
      const of = { structDefId: { name, version } };
      const [def, all, users, than] = await batch(
        [ask('GetStructDef', of.structDefId), ask('SearchStructDef', { name, limit: 1000 }), ask('SearchUsages', of), ...(other ? [ask('GetStructDef', { name, version: Number(other) })] : [])] as const,
        signal,
      );
      return { def: need(def), versions: (all.reply?.results ?? []).map((v) => v.version), of, users, than: than?.reply };
    },
  });
  if (seen.error) return <Problem error={seen.error} retry={() => void seen.refetch()} />;
  if (!seen.data) return <Skeleton lines={8} />;
  const { def, versions, of, users, than } = seen.data;
  const version = def.id?.version ?? 0;
  return (
    <>
      <ObjectHeading
        list="Structs"
        href={to(['structs'])}
        title={name}
        version={
            <Versions all={versions} chosen={version} choose={(v) => go(to(['structs', name, v]))} />
        }
        about={
          <>
            {def.description && <>{def.description} · </>}Registered <Time at={def.createdAt} />
          </>
        }
      >
        <Button kind="danger" icon="bin" label="Delete this version" forbidden={missing(me, 'WRITE_METADATA', 'ACL_STRUCT')} onClick={() => setDeleting(true)} />
      </ObjectHeading>
      <Panel title="Fields" bare>
        <Table
          label="Fields"
          rows={fieldsOf(def)}
          id={([n]) => n}
          columns={[
            { name: 'Name', of: ([n]) => <strong>{n}</strong> },
            { name: 'Type', of: ([, f]) => <TypeLink of={f.fieldType} /> },
            { name: 'May be null', of: ([, f]) => (f.isNullable ? 'yes' : 'no') },
            { name: 'Masked', of: ([, f]) => (f.fieldType?.masked ? 'yes' : 'no') },
            { name: 'Default', of: ([, f]) => (f.defaultValue && kindOf(f.defaultValue) !== 'NULL' ? textOf(f.defaultValue) : '–') },
            { name: 'Description', of: ([, f]) => f.description ?? '–', wide: true },
          ]}
        />
      </Panel>
      <UsedBy of={of} first={users} />
      <Compared versions={versions} fields={textsOf(def)} version={version} than={than && textsOf(than)} />
      <Panel title="Would a change be compatible?">
        <Evolution of={def} />
      </Panel>
      <MaySources name={`${name} ${version}`} of={def} rpc="GetStructDef" request={of.structDefId} />
      {deleting && (
        <Preview
          title="Delete this version?"
          rpc="DeleteStructDef"
          request={{ id: def.id! }}
          cli={command('delete', 'structDef', name, String(version))}
          confirm="Delete"
          done="Deleted."
          danger
          onClose={() => setDeleting(false)}
          onDone={() => go(to(['structs']))}
        >
          <p>
            {name} version {version} goes. The server refuses it while something uses it. Now these do:
          </p>
          <Users of={of} first={users} />
        </Preview>
      )}
    </>
  );
}

function Evolution({ of }: { of: StructDef }): ReactElement {
  const [text, setText] = useState(() => JSON.stringify(of.structDef ?? { fields: {} }, null, 2));
  const [kind, setKind] = useState<StructDefCompatibilityType>('FULLY_COMPATIBLE_SCHEMA_UPDATES');
  const [answer, setAnswer] = useState<boolean>();
  const [error, setError] = useState<unknown>();
  const check = async (): Promise<void> => {
    setAnswer(undefined);
    setError(undefined);
    try {
      const structDef = JSON.parse(text) as InlineStructDef;
      setAnswer((await call('ValidateStructDefEvolution', { structDefId: of.id!, structDef, compatibilityType: kind })).isValid);
    } catch (e) {
      setError(e);
    }
  };
  return (
    <div className="stack">
      <Field label="The fields as they would be">{(id) => <textarea id={id} className="input" rows={8} value={text} onChange={(e) => setText(e.target.value)} />}</Field>
      <Field label="Changes that are allowed">
        {(id) => (
          <select id={id} className="input" value={kind} onChange={(e) => setKind(e.target.value as StructDefCompatibilityType)}>
            <option value="FULLY_COMPATIBLE_SCHEMA_UPDATES">fully compatible ones</option>
            <option value="NO_SCHEMA_UPDATES">none</option>
          </select>
        )}
      </Field>
      <div>
        <Button onClick={() => void check()}>Check</Button>
      </div>
      {answer !== undefined && (
        <Note tone={answer ? 'good' : 'bad'} icon={answer ? 'check' : 'alert'} live>
          {answer ? 'It is compatible.' : 'It is not compatible.'}
        </Note>
      )}
      {error !== undefined && <Problem error={error} />}
    </div>
  );
}
