/**
 * Two ends of an exchange in which the server speaks first and each side waits for the other, as SSH and SMTP do:
 * `exchange.mjs serve ADDRESS:PORT` and `exchange.mjs talk ADDRESS:PORT ROUNDS`. The client ends its direction first;
 * the server answers that with a summary and ends its own. `talk` prints what happened as JSON.
 */
import { createHash } from 'node:crypto';
import { connect, createServer } from 'node:net';

const [mode, where, roundsText] = process.argv.slice(2);
const [host, port] = where.split(':');
const GREETING = 'SSH-2.0-Exchange_1.0\r\n';

function serve() {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const hash = createHash('sha256');
    socket.write(GREETING);
    socket.on('data', (data) => {
      hash.update(data);
      socket.write(data);
    });
    socket.on('end', () => socket.end(`sha256 ${hash.digest('hex')}\n`));
    socket.on('error', () => undefined);
  });
  server.listen(Number(port), host, () => console.log('listening'));
}

function talk(rounds) {
  const hash = createHash('sha256');
  const socket = connect({ host, port: Number(port), allowHalfOpen: true });
  let received = '';
  let sent = 0;
  let expected = GREETING;
  const next = () => {
    if (sent === rounds) return socket.end();
    const line = `request ${sent++} ${'x'.repeat(sent % 100)}\n`;
    hash.update(line);
    expected += line;
    socket.write(line);
  };
  socket.setEncoding('utf8');
  socket.on('data', (text) => {
    received += text;
    if (received.length >= expected.length && sent <= rounds && received === expected) next();
  });
  socket.on('error', (error) => finish({ error: error.code }));
  socket.on('end', () => {
    const summary = `sha256 ${hash.digest('hex')}\n`;
    finish({
      greeting: received.startsWith(GREETING),
      rounds: sent,
      intact: received === expected + summary,
    });
  });
}

function finish(result) {
  console.log(JSON.stringify(result));
  process.exit(0);
}

if (mode === 'serve') serve();
else talk(Number(roundsText));
