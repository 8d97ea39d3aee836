"""A run that waits is moved to the next major version of its WfSpec, and ends there."""

from examples.stage import Stage, same
from littlehorse.model import *
from littlehorse.workflow import Workflow, WorkflowThread


async def archive(paper: str, shelf: str) -> str:
    return f"{paper} on {shelf}"


TASKS = {"archive": archive}


def run(s: Stage) -> None:
    s.event("stamped")
    s.event("signed-off")

    def first(wf: WorkflowThread) -> None:
        wf.declare_str("paper").required()
        wf.wait_for_event(s.name("stamped"))

    def second(wf: WorkflowThread) -> None:
        paper = wf.declare_str("paper").required()
        shelf = wf.declare_str("shelf").required()
        place = wf.declare_str("place")
        wf.wait_for_event(s.name("signed-off"))
        place.assign(wf.execute(s.name("archive"), paper, shelf))

    old = s.put(Workflow(s.name("papers"), first))
    run = s.start("papers", "papers", paper="deed")
    s.waits_at(run, 0, 1)
    new = s.put(Workflow(s.name("papers"), second))
    same("versions", (0, 1), (old.id.major_version, new.id.major_version))

    def waiting(spec: WfSpec) -> str:
        nodes = spec.thread_specs[spec.entrypoint_thread_name].nodes
        return next(name for name, node in nodes.items() if node.WhichOneof("node") == "external_event")

    plan = s.client.PutWorkflowMigrationPlan(
        PutWorkflowMigrationPlanRequest(
            name=s.name("papers-to-1"),
            old_wfSpec=old.id,
            major_version=new.id.major_version,
            revision=new.id.revision,
            thread_migrations={
                "entrypoint": ThreadMigrationPlanRequest(
                    new_thread_name="entrypoint",
                    node_migrations={waiting(old): NodeMigrationPlan(new_node_name=waiting(new))},
                )
            },
        )
    )
    s.known(lambda: s.client.GetWorkflowMigrationPlan(plan.workflow_migration_plan_id))
    s.client.ApplyWorkflowMigrationPlan(
        ApplyWorkflowMigrationPlanRequest(
            id=plan.workflow_migration_plan_id,
            wfRun_id=run,
            migration_vars_by_thread={
                "entrypoint": MigrationVars(
                    var_assignment_by_var_name={
                        "shelf": VariableAssignment(literal_value=VariableValue(str="shelf 4"))
                    }
                )
            },
        )
    )
    s.waits_at(run, 0, 2)
    s.post(run, "signed-off", None)
    end = s.ended(run, "COMPLETED")
    same("WfSpec at the end", new.id, end.wf_spec_id)
    same("WfSpecs before", [old.id], list(end.old_wf_spec_versions))
    same("place", "deed on shelf 4", s.variable(run, "place"))
    s.refused(
        "the migration of a run that has ended",
        "FAILED_PRECONDITION",
        lambda: s.client.ApplyWorkflowMigrationPlan(
            ApplyWorkflowMigrationPlanRequest(id=plan.workflow_migration_plan_id, wfRun_id=run)
        ),
    )
