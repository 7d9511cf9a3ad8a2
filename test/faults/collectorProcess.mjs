// An app that collects storage, as a process of its own; configured by the environment.
//   COLLECT   `hang`: tells 1,500 tenants of 1 byte, and then never comes to an end; `work`: tells 500 of them of 2 bytes
// It says `collecting` on stdout when it is asked. It listens to nothing and closes nothing: after `collected` it ends by itself.
import { createRequire } from 'node:module';

const { createTallygate } = createRequire(import.meta.url)('../../dist/index.js');

async function* hang() {
  for (let tenant = 0; tenant < 1_500; tenant += 1) yield [`t${tenant}`, 1];
  process.stdout.write('told\n');
  await new Promise(() => {});
}
const work = () => Array.from({ length: 500 }, (_, tenant) => [`t${tenant}`, 2n]);

const tallygate = createTallygate({
  collectStorage: () => {
    process.stdout.write('collecting\n');
    return process.env.COLLECT === 'hang' ? hang() : work();
  },
});
// Held open until then: nothing of Tallygate's does that.
const held = setInterval(async () => {
  const text = await tallygate.metrics();
  if (!/_storage_collections_total\{outcome="collected"\} 1/.test(text)) return;
  clearInterval(held);
  process.stdout.write('collected\n');
}, 20);
await tallygate.quota.peek('anybody');
