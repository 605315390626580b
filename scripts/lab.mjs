/** `npm run lab -- …` and `npm start`: set-up, then the lab's command line. Only its own output goes to stdout. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fail, root, setUp } from './setup.mjs';

await setUp().catch(fail);
const lab = spawn(process.execPath, [join(root, 'apps/lab/dist/main.js'), ...process.argv.slice(2)], {
  stdio: 'inherit',
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => lab.kill(signal));
lab.on('exit', (code, signal) => process.exit(code ?? (signal === null ? 1 : 128)));
