// Sets up what npm cannot: the nats-server binary. Found on PATH, named by TIDEMARK_NATS_SERVER, not needed with NATS_URL,
// else installed with the machine's package manager, else said how.
import { spawnSync } from 'node:child_process';

const HINT = `
nats-server is needed and could not be installed by itself. Any of these will do:
  Debian, Ubuntu:  sudo apt-get update && sudo apt-get install -y nats-server
  macOS:           brew install nats-server
  Go:              go install github.com/nats-io/nats-server/v2@latest   (and put $(go env GOPATH)/bin on PATH)
  a binary:        export TIDEMARK_NATS_SERVER=/path/to/nats-server
  a running one:   export NATS_URL=nats://host:4222
`;

const runs = (command, args) => spawnSync(command, args, { stdio: 'ignore' }).status === 0;
const shown = (command, args, env) =>
  spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, ...env } }).status === 0;

function isInstalled() {
  return runs(process.env.TIDEMARK_NATS_SERVER ?? 'nats-server', ['--version']);
}

function install() {
  const sudo = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  const asRoot = (...command) => {
    const [program, ...args] = [...sudo, ...command];
    return shown(program, args, { DEBIAN_FRONTEND: 'noninteractive' });
  };
  if (runs('apt-get', ['--version'])) {
    process.stderr.write('Installing nats-server with apt-get ...\n');
    asRoot('apt-get', 'update', '-qq');
    return asRoot('apt-get', 'install', '-y', '-qq', '--no-install-recommends', 'nats-server');
  }
  if (runs('brew', ['--version'])) {
    process.stderr.write('Installing nats-server with Homebrew ...\n');
    return shown('brew', ['install', 'nats-server'], {});
  }
  return false;
}

if (!process.env.NATS_URL && !isInstalled() && !(install() && isInstalled())) {
  process.stderr.write(HINT);
  process.exit(1);
}
