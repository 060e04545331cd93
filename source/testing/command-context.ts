import {randomBytes} from 'node:crypto';
import type {CommandContext, Output} from '../commands/context.js';
import type {Api} from '../client/contract.js';
import {sampleNowMs} from './samples.js';

type Given = {
	/** What the command may ask the coordinator for; all else fails. */
	api: Partial<Api>;
	words?: readonly string[];
	flags?: Record<string, string | true>;
};

/** A command's surroundings without a terminal, in which what it prints is kept. */
export const createCommandContext = ({api, words = [], flags = {}}: Given) => {
	let text = '';
	const output = (take: (piece: string) => void): Output => ({
		async write(data) {
			take(String(data));
			return Promise.resolve();
		},
		isTerminal: false,
		columns: () => 80,
	});
	const context: CommandContext = {
		api: api as Api,
		words,
		flags: new Map(Object.entries(flags)),
		signal: new AbortController().signal,
		folder: '/',
		stdin: (async function* () {})(),
		stdout: output(piece => (text += piece)),
		stderr: output(() => undefined),
		ask: undefined,
		askSecret: undefined,
		environment: {},
		home: '/',
		machine: 'test',
		clock: {now: () => sampleNowMs, sleep: async () => Promise.resolve()},
		random: () => 0.5,
		randomBytes: length => new Uint8Array(randomBytes(length)),
	};
	return {context, printed: () => text};
};
