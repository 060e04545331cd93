import {type CheckLine, checkLineSchema} from '../protocol/api.js';
import {UnreachableError} from './errors.js';
import type {Http} from './http.js';
import {assertStatus, parseJson, quote, strange} from './read-answer.js';

/** The lines of a stream. The last one counts only where it is ended. */
async function* linesOf(
	pieces: AsyncIterable<Uint8Array>,
	mostCharacters: number,
	onTooLong: () => Error,
): AsyncGenerator<string> {
	const decoder = new TextDecoder();
	let rest = '';
	for await (const piece of pieces) {
		const lines = (rest + decoder.decode(piece, {stream: true})).split('\n');
		rest = lines.pop() ?? '';
		if (rest.length > mostCharacters) throw onTooLong();
		yield* lines;
	}
}

/** Has a file checked; see `Api`. */
export async function* readCheck(http: Http, id: string, signal: AbortSignal): AsyncGenerator<CheckLine> {
	const answer = await http.call({name: 'check', id, signal, quietMs: http.limits.workMs});
	await assertStatus(http, answer);
	const {lineCharacters} = http.limits;
	const onTooLong = () => strange(answer.target, `a line of more than ${lineCharacters} characters`);
	for await (const line of linesOf(answer.pieces(), lineCharacters, onTooLong)) {
		if (line.trim() === '') continue;
		const result = checkLineSchema.safeParse(parseJson(line));
		if (!result.success) throw strange(answer.target, quote(line), result.error);
		yield result.data;
		if (result.data.event !== 'chunk') return;
	}

	throw new UnreachableError(`${http.url} ended the check before it was done. Check the file again`);
}
