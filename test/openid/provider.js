// An OpenID provider for tests: machines, whose tokens are opaque, or JWTs for the resources that say so in their name, and
// short-lived for those that are called brief; and people, who are whoever they say, at the client "dashboard", whose address is
// OIDC_DASHBOARD. It prints its issuer when it listens, and ends with its standard input.
// OIDC_PORT and OIDC_KEYS make it one that was there before, or has other keys.
import { createServer } from "node:http";
import { Provider } from "oidc-provider";
import { generateKeyPairSync } from "node:crypto";

const dashboard = process.env.OIDC_DASHBOARD ?? "http://127.0.0.1";
const server = createServer();

async function formOf(req) {
  let text = "";
  for await (const chunk of req) text += chunk;
  return Object.fromEntries(new URLSearchParams(text));
}

const page = (title, body) => `<!doctype html><html lang="en"><head><title>${title}</title></head><body><main><h1>${title}</h1>${body}</main></body></html>`;

server.listen(Number(process.env.OIDC_PORT ?? 0), "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const machine = (client_id) => ({
    client_id,
    client_secret: `${client_id}-secret`,
    grant_types: ["client_credentials"],
    redirect_uris: [],
    response_types: [],
  });
  const made = () => ({ ...generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" }), use: "sig", alg: "RS256" });
  const provider = new Provider(issuer, {
    clients: [
      machine("lh"),
      machine("worker"),
      machine("stranger"),
      {
        client_id: "dashboard",
        client_secret: "dashboard-secret",
        grant_types: ["authorization_code", "refresh_token"],
        redirect_uris: [`${dashboard}/auth/callback`],
        post_logout_redirect_uris: [`${dashboard}/`],
      },
    ],
    jwks: { keys: process.env.OIDC_KEYS ? JSON.parse(process.env.OIDC_KEYS) : [made()] },
    scopes: ["openid", "tasks"],
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    extraTokenClaims: (_, token) => (token.accountId ? { username: token.accountId } : undefined),
    issueRefreshToken: () => true,
    rotateRefreshToken: () => true,
    // Nobody is asked whether the dashboard may act for him.
    loadExistingGrant: async (ctx) => {
      const { client, session } = ctx.oidc;
      const known = session.grantIdFor(client.clientId);
      if (known) return provider.Grant.find(known);
      const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
      grant.addOIDCScope("openid");
      grant.addResourceScope("urn:lh", "openid");
      await grant.save();
      return grant;
    },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      revocation: { enabled: true, allowedPolicy: () => true },
      rpInitiatedLogout: {
        logoutSource: (ctx, form) => {
          ctx.body = page("Leave the provider?", `${form}<button form="op.logoutForm" name="logout" value="yes">Leave</button>`);
        },
      },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => "urn:lh",
        useGrantedResource: () => true,
        getResourceServerInfo: (_, resource, client) => ({
          scope: "openid tasks",
          audience: resource,
          accessTokenTTL: client.clientId === "dashboard" ? 20 : resource.includes("brief") ? 10 : 600,
          accessTokenFormat: resource.includes("jwt") ? "jwt" : "opaque",
          jwt: { sign: { alg: "RS256" } },
        }),
      },
    },
  });
  provider.use(async (ctx, next) => {
    if (ctx.path.startsWith("/interaction/")) {
      if (ctx.method === "POST") {
        const { name } = await formOf(ctx.req);
        ctx.respond = false;
        await provider.interactionFinished(ctx.req, ctx.res, { login: { accountId: name } });
        return;
      }
      ctx.type = "html";
      ctx.body = page("Who are you?", '<form method="post"><label>Name <input name="name" autofocus></label> <button>Go on</button></form>');
      return;
    }
    // Machines that name no scope get the one there is, as most providers have it.
    if (ctx.method === "POST" && ctx.path === "/token") {
      const form = await formOf(ctx.req);
      ctx.req.body = form.grant_type === "client_credentials" ? { scope: "tasks", ...form } : form;
    }
    await next();
  });
  server.on("request", provider.callback());
  console.log(issuer);
});
process.stdin.resume().on("end", () => process.exit(0));
