import test from 'ava';
import {createChunkSums} from '../../client/chunk-sums.js';
import {CHUNK_SIZE_BYTES} from '../../protocol/chunking.js';
import {importSealKey} from '../../protocol/seal.js';
import {sealContent, SEALED_PLAIN_BYTES} from '../../protocol/sealed-content.js';
import {sealedSource} from '../sealed/sealed-source.js';

/** What the terminal sends of the same file. */
const sealedWhole = async (key: Awaited<ReturnType<typeof importSealKey>>, content: Uint8Array): Promise<Buffer> => {
	const pieces: Uint8Array[] = [];
	for await (const piece of sealContent(
		key,
		(async function* () {
			yield await Promise.resolve(content);
		})(),
	)) {
		pieces.push(piece);
	}

	return Buffer.concat(pieces);
};

test('however a file is cut, the page sends the bytes that the terminal would, and sums them up alike', async t => {
	const key = await importSealKey(new Uint8Array(32).fill(7));
	const sizes = {
		0: [],
		1: [5],
		1000: [1, 16, 999],
		[SEALED_PLAIN_BYTES]: [],
		[SEALED_PLAIN_BYTES + 1]: [CHUNK_SIZE_BYTES - 3, CHUNK_SIZE_BYTES],
	};
	for (const [size, cuts] of Object.entries(sizes)) {
		const content = new Uint8Array(Number(size)).map((_, at) => (at * 7919) >>> 5);
		const expected = await sealedWhole(key, content);
		const source = sealedSource(new Blob([content]), key);
		t.is(source.sizeBytes, expected.length, size);
		const places = [0, ...cuts, source.sizeBytes];
		const pieces: Buffer[] = [];
		for (const [at, start] of places.slice(0, -1).entries()) {
			const piece = await source.slice(start, places[at + 1] ?? start);
			pieces.push(Buffer.from(await piece.arrayBuffer()));
		}

		t.true(Buffer.concat(pieces).equals(expected), `${size} bytes, cut at ${cuts.join()}`);
		const sums = createChunkSums();
		sums.add(expected);
		const digest = sums.digest();
		t.is(await source.chunksSha256(), digest, size);
		// What was sent on another day is sealed again for the sum.
		const later = sealedSource(new Blob([content]), key);
		await later.slice(Math.floor(expected.length / 2), expected.length);
		t.is(await later.chunksSha256(), digest, size);
	}
});
