import test from 'ava';
import type {DiskFile} from './disk-shards-file.js';
import {FolderSync, systemFiles} from './disk-shards-files.js';

test("a folder's flush waits for those who are about to change it, and serves nobody who came after it began", async t => {
	const begun: (() => void)[] = [];
	const file = {sync: async () => new Promise<void>(resolve => begun.push(resolve)), close: () => undefined};
	const folder = new FolderSync({...systemFiles, openAtOnce: () => file as unknown as DiskFile}, 'chunks');
	const turns = async () => {
		for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
	};

	let endWriting: () => void = () => undefined;
	const writing = new Promise<void>(resolve => (endWriting = resolve));
	const failing = folder.expectAfter(Promise.reject(new Error('no room')));
	const done: string[] = [];
	const first = folder.sync().then(() => done.push('first'));
	const second = folder.expectAfter(writing).then(async () => folder.sync());
	const secondDone = second.then(() => done.push('second'));
	await t.throwsAsync(failing, {message: 'no room'});
	await turns();
	t.is(begun.length, 0, 'one is still about to change the folder');

	endWriting();
	await turns();
	t.is(begun.length, 1);
	const late = folder.sync().then(() => done.push('late'));
	await turns();
	t.deepEqual([begun.length, done], [1, []]);

	begun[0]?.();
	await Promise.all([first, secondDone]);
	await turns();
	t.deepEqual([begun.length, done], [2, ['first', 'second']]);
	begun[1]?.();
	await late;
	t.deepEqual(done, ['first', 'second', 'late']);
});
