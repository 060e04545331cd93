import {systemClock} from '../adapters/system.js';
import {startClassicNode} from './classic-node.js';

/** A classic node that is a process: `FOLDER COORDINATOR_URL --port PORT`. It says what `pjas-daemon` says once it is ready. */
const [folder = '', coordinatorUrl = '', , port = '0'] = process.argv.slice(2);
const node = await startClassicNode({
	...{folder, coordinatorUrl, port: Number(port), clock: systemClock},
	allocatedBytes: 20 * 1024 ** 3,
});
process.once('SIGTERM', () => void node.stop().then(() => process.exit()));
process.stdout.write(`ready ${node.url} classic\n`);
