// A provider with two people, whom its own pages ask for a name. Usage: node provider.mjs PORT ORIGIN conforming|generous
import { Provider } from "oidc-provider";

const [port, origin, manner] = process.argv.slice(2);
const people = {
  minh: { preferred_username: "minh.tran", name: "Trần Minh", email: "minh@tinh.vn", email_verified: true, groups: [] },
  lan: { preferred_username: "lan", name: "Lê Lan", email: "lan@tinh.vn", email_verified: true, groups: ["soc"] },
  evil: { preferred_username: "admin", name: "Admin", email: "minh@tinh.vn", email_verified: false, groups: ["soc"] },
};
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: "matluoi",
      client_secret: "mat-khau-cua-may-chu",
      redirect_uris: [`${origin}/api/v1/session/provider/callback`],
      post_logout_redirect_uris: [`${origin}/sign-in`],
    },
  ],
  // A conforming provider tells of a person at its UserInfo endpoint alone; many put it into the ID token.
  conformIdTokenClaims: manner === "conforming",
  claims: { openid: ["sub"], profile: ["name", "preferred_username", "groups"], email: ["email", "email_verified"] },
  pkce: { required: () => true },
  findAccount: (_, id) => people[id] && { accountId: id, claims: async () => ({ sub: id, ...people[id] }) },
});
provider.listen(Number(port), "127.0.0.1", () => console.log("ready"));
