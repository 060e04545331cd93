import test from 'ava';
import type {DiskFile} from './disk-shards-file.js';
import {FolderSync, systemFiles, writeAllOf} from './disk-shards-files.js';

test("a folder's flush serves those who came before it began, and nobody who came later", async t => {
	const begun: (() => void)[] = [];
	const file = {sync: async () => new Promise<void>(resolve => begun.push(resolve)), close: () => undefined};
	const folder = new FolderSync({...systemFiles, openAtOnce: () => file as unknown as DiskFile}, 'chunks');
	const turns = async () => {
		for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
	};

	const done: string[] = [];
	const flush = async (name: string) => {
		await folder.sync();
		done.push(name);
	};

	const early = [flush('first'), flush('second')];
	await turns();
	t.is(begun.length, 1);
	const late = flush('late');
	await turns();
	t.deepEqual([begun.length, done], [1, []]);

	begun[0]?.();
	await Promise.all(early);
	await turns();
	t.deepEqual([begun.length, done], [2, ['first', 'second']]);
	begun[1]?.();
	await late;
	t.deepEqual(done, ['first', 'second', 'late']);
});

test('what a disk does not take in one go is written by the next', async t => {
	const pieces = [Buffer.from('one '), Buffer.from('two '), Buffer.from('three')];
	const whole = Buffer.concat(pieces);
	for (let first = 0; first <= whole.length; first++) {
		const kept = Buffer.alloc(whole.length);
		const take = (bytes: Uint8Array, position: number, most: number) => {
			kept.set(bytes.subarray(0, most), position);
			return Math.min(most, bytes.length);
		};
		const file: Pick<DiskFile, 'write' | 'writeTogether'> = {
			writeTogether: async (all, position) => Promise.resolve(take(Buffer.concat(all), position, first)),
			write: async (bytes, offset, length, position) =>
				Promise.resolve(take(bytes.subarray(offset, offset + length), position, 3)),
		};
		await writeAllOf(file as DiskFile, pieces);
		t.is(kept.toString(), 'one two three');
	}
});
