// An OpenID provider for tests of OAuth: three machines, whose tokens are opaque, or JWTs for the resources that say
// so in their name, and short-lived for those that are called brief. It prints its issuer when it listens, and ends with its standard input.
// OIDC_PORT and OIDC_KEYS make it one that was there before, or has other keys.
import { createServer } from "node:http";
import { Provider } from "oidc-provider";
import { generateKeyPairSync } from "node:crypto";

const server = createServer();
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
    clients: [machine("lh"), machine("worker"), machine("stranger")],
    jwks: { keys: process.env.OIDC_KEYS ? JSON.parse(process.env.OIDC_KEYS) : [made()] },
    scopes: ["tasks"],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      revocation: { enabled: true, allowedPolicy: () => true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => "urn:lh",
        getResourceServerInfo: (_, resource) => ({
          scope: "tasks",
          audience: resource,
          accessTokenTTL: resource.includes("brief") ? 10 : 600,
          accessTokenFormat: resource.includes("jwt") ? "jwt" : "opaque",
          jwt: { sign: { alg: "RS256" } },
        }),
      },
    },
  });
  // Clients that name no scope get the one there is, as most providers have it.
  provider.use(async (ctx, next) => {
    if (ctx.method === "POST" && ctx.path === "/token") {
      let text = "";
      for await (const chunk of ctx.req) text += chunk;
      ctx.req.body = { scope: "tasks", ...Object.fromEntries(new URLSearchParams(text)) };
    }
    await next();
  });
  server.on("request", provider.callback());
  console.log(issuer);
});
process.stdin.resume().on("end", () => process.exit(0));
