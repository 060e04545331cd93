import {isAscii, isUtf8} from 'node:buffer';
import {PjasError} from '../../source/protocol/errors.js';
import {isDocument, lineBreaks, type Document} from './catalog-documents.js';

const NEWLINE = 0x0a;

/** No record comes near this; a longer line is damage, and is not read into memory. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;

/** What is to be done about a catalogue of which a record can't be read. */
export const damageRemedy = 'restore a backup into an empty data folder, and keep this one until that is done';

/** What a line says: a document as it is from then on, or that there is none any more. */
export type Line = {_id: string; document: Document | undefined; bytes: number};

/** What a line says, or why it is none of the catalogue's. */
const parseLine = (line: Buffer): Line | string => {
	const isSimple = isAscii(line);
	if (!isSimple && !isUtf8(line)) return 'is damaged';
	const text = line.toString(isSimple ? 'latin1' : 'utf8');
	if (!isSimple && lineBreaks.test(text)) return 'is damaged';
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch {
		return 'is damaged';
	}

	if (typeof value !== 'object' || value === null || !('_id' in value)) return 'is damaged';
	const bytes = line.length + 1;
	if ('$$deleted' in value) {
		return typeof value._id === 'string' ? {_id: value._id, document: undefined, bytes} : 'is damaged';
	}

	return isDocument(value)
		? {_id: value._id, document: value, bytes}
		: 'holds a record that this version does not know';
};

/**
Checks the catalogue's lines one after the other as they are read. NeDB itself drops a line that it cannot read, and the
record with it.
*/
export class LineChecker {
	/** The bytes of the lines that were whole and right. What comes after them is the start of a line without its end. */
	wholeBytes = 0;
	readonly #where: string;
	readonly #take: ((line: Line) => void) | undefined;
	#lines = 0;
	#pieces: Buffer[] = [];
	#pieceBytes = 0;

	/**
	@param where - How an error's message names what is checked.
	@param take - Given what each line says. Where it throws, the line's document lacks what its kind has.
	*/
	constructor(where: string, take?: (line: Line) => void) {
		this.#where = where;
		this.#take = take;
	}

	/** Keeps a hold of the block. @throws {PjasError} `CATALOG_CORRUPT`, with the number of the line. */
	push(block: Buffer): void {
		let from = 0;
		for (let end = block.indexOf(NEWLINE); end >= 0; end = block.indexOf(NEWLINE, from)) {
			this.#check(this.#join(block.subarray(from, end)));
			from = end + 1;
		}

		if (from === block.length) return;
		this.#pieces.push(block.subarray(from));
		this.#pieceBytes += block.length - from;
		if (this.#pieceBytes > MAX_LINE_BYTES) this.#fail(this.#lines + 1, 'is damaged');
	}

	#join(last: Buffer): Buffer {
		if (this.#pieces.length === 0) return last;
		const line = Buffer.concat([...this.#pieces, last]);
		this.#pieces = [];
		this.#pieceBytes = 0;
		return line;
	}

	#check(line: Buffer): void {
		this.#lines++;
		if (line.length > 0) {
			const parsed = parseLine(line);
			if (typeof parsed === 'string') this.#fail(this.#lines, parsed);
			try {
				this.#take?.(parsed);
			} catch (error) {
				this.#fail(this.#lines, 'is damaged', error);
			}
		}

		this.wholeBytes += line.length + 1;
	}

	#fail(line: number, problem: string, cause?: unknown): never {
		const remedy = problem === 'is damaged' ? damageRemedy : 'start the version of PJAS that wrote it, or a newer one';
		const message = `Line ${line} of ${this.#where} ${problem}. Nothing was changed: ${remedy}`;
		throw new PjasError('CATALOG_CORRUPT', message, {cause});
	}
}
