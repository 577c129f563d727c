// Writes .br and .gz beside every file that gains by it; the collector serves them as they are. Prints what
// a first load takes.
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const dist = fileURLToPath(new URL("../dist", import.meta.url));
const least = 1_024;
const sizes = new Map();

for (const entry of await readdir(dist, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !/\.(js|css|html|svg|json)$/.test(entry.name)) continue;
  const path = join(entry.parentPath, entry.name);
  const plain = await readFile(path);
  const zipped = gzipSync(plain, { level: 9 });
  sizes.set(path.slice(dist.length), zipped.length);
  if (plain.length < least) continue;
  await writeFile(`${path}.gz`, zipped);
  const packed = brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
  await writeFile(`${path}.br`, packed);
}

const html = await readFile(join(dist, "index.html"), "utf8");
const first = [...html.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map((match) => match[1]).filter((name) => !name.startsWith("/api/"));
const total = ["/index.html", ...first].reduce((sum, name) => sum + (sizes.get(name) ?? 0), 0);
console.log(`first load: ${(total / 1_024).toFixed(1)} KiB gzipped in ${first.length + 1} files`);
if (total > 300 * 1_024) {
  console.error("that is over 300 KiB");
  process.exit(1);
}
