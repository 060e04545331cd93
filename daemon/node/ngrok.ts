import {z} from 'zod';
import {followSignal} from '../core/follow-signal.js';

/** What the API of an ngrok agent tells: https://ngrok.com/docs/agent/api */
const tunnelsSchema = z.object({
	tunnels: z.array(z.object({public_url: z.string(), config: z.object({addr: z.string()})})),
});

const TIMEOUT_MS = 1_000;
const MOST_ANSWER_BYTES = 256 * 1024;

const portOf = (address: string): number => Number(/(\d+)\/?$/.exec(address)?.[1]);

const textOf = async (answer: Response): Promise<string> => {
	const pieces: Uint8Array[] = [];
	let sizeBytes = 0;
	for await (const piece of answer.body ?? []) {
		pieces.push(piece as Uint8Array);
		sizeBytes += (piece as Uint8Array).length;
		if (sizeBytes > MOST_ANSWER_BYTES) throw new Error('the answer is too long');
	}

	return Buffer.concat(pieces).toString('utf8');
};

/**
The public address of a tunnel that an ngrok agent on this machine has to a port; none where no agent runs, or none of its tunnels
leads there. What something else says there does no harm: the coordinator looks whether the address leads to this node.
*/
export const ngrokAddress = async (
	{api, port}: {api: string; port: number},
	signal: AbortSignal = new AbortController().signal,
): Promise<string | undefined> => {
	const {controller, release} = followSignal(signal);
	const timer = setTimeout(() => controller.abort(), TIMEOUT_MS);
	try {
		const answer = await fetch(`${api}/api/tunnels`, {signal: controller.signal, redirect: 'error'});
		const {tunnels} = tunnelsSchema.parse(JSON.parse(await textOf(answer)));
		const urls = tunnels.filter(({config}) => portOf(config.addr) === port).map(tunnel => tunnel.public_url);
		return urls.find(url => url.startsWith('https://')) ?? urls.find(url => url.startsWith('http://'));
	} catch {
		signal.throwIfAborted();
		return undefined;
	} finally {
		clearTimeout(timer);
		release();
	}
};
