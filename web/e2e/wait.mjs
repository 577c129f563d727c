// Waits until the replayed captures have made their alerts: until their number has stood for a while.
const address = process.env.ML_CONSOLE;
const signedIn = await fetch(`${address}/api/v1/session`, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ username: process.env.ML_USER, password: process.env.ML_PASSWORD }),
});
if (!signedIn.ok) throw new Error(`signing in: ${signedIn.status}`);
const cookie = (signedIn.headers.get("set-cookie") ?? "").split(";")[0];
const until = Date.now() + 300_000;
let last = 0;
let since = Date.now();
while (Date.now() < until) {
  const { alerts } = await (await fetch(`${address}/api/v1/groups/summary`, { headers: { cookie } })).json();
  if (alerts !== last) since = Date.now();
  last = alerts;
  if (alerts > 0 && Date.now() - since > 15_000) break;
  await new Promise((done) => setTimeout(done, 500));
}
console.log(`${last} alerts`);
