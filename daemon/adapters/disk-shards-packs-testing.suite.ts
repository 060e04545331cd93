import {randomBytes} from 'node:crypto';
import {basename, join} from 'node:path';
import type {ExecutionContext} from 'ava';
import type {Digest} from '../../source/protocol/ids.js';
import {parsePackName} from '../core/shard-pack.js';
import {digestOf} from '../ports/shard-store.suite.js';
import {digestsIn, isRightAt, shardPlacesIn} from '../testing/shards-on-disk.js';
import type {DiskShards} from './disk-shards.js';
import type {DiskFile} from './disk-shards-file.js';
import {type DiskFiles, systemFiles} from './disk-shards-files.js';
import {collect, type DiskOptions, failingFiles, filesIn, openDisk} from './disk-shards-testing.suite.js';

export const bodiesOf = (count: number, sizeBytes = 1000) =>
	Array.from({length: count}, () => randomBytes(sizeBytes)) as [Buffer, Buffer, Buffer, ...Buffer[]];

/** Puts them at once, so that they go into one pack. */
export const putTogether = async (store: DiskShards, bodies: readonly Buffer[]): Promise<void> => {
	await Promise.all(bodies.map(async body => store.put(digestOf(body), body)));
};

export const onlyPackIn = async (folder: string): Promise<string> => {
	const [name = '', ...more] = await filesIn(folder, 'chunks');
	if (!parsePackName(name) || more.length > 0) throw new Error('There is not just one pack');
	return join(folder, 'chunks', name);
};

export const placeOf = (folder: string, digest: Digest) => {
	const place = shardPlacesIn(folder).find(each => each.digest === digest);
	if (!place) throw new Error(`${digest} is not on the disk`);
	return place;
};

/** How the pack is called in which these are, and nothing else is. */
export const packOf = (folder: string, bodies: readonly Buffer[]): string => {
	const digests = bodies.map(digestOf).sort();
	const places = shardPlacesIn(folder);
	const path = places.find(({digest}) => digest === digests[0])?.path ?? '';
	const found = places.filter(place => place.path === path).map(({digest}) => digest);
	if (found.sort().join() !== digests.join()) throw new Error('They are not one pack');
	return basename(path);
};

/** That the store and its disk agree on which shards there are, each once, now and after the next start. */
export const agrees = async (t: ExecutionContext, folder: string, store: DiskShards, bodies: readonly Buffer[]) => {
	const expected = bodies.map(digestOf).sort();
	t.deepEqual(await collect(store.list()), expected);
	t.deepEqual(digestsIn(folder), expected);
	t.true(shardPlacesIn(folder).every(isRightAt));
	const again = await openDisk(folder);
	t.deepEqual(await collect(again.list()), expected);
	for (const body of bodies) t.is(Buffer.compare(await again.get(digestOf(body)), body), 0);
	t.is((await again.figures()).usedBytes, (await store.figures()).usedBytes);
	t.deepEqual(await filesIn(folder, 'tmp'), []);
};

/** Opens a store whose disk fails at one operation while `failing.isOn`. */
export const openFailing = async (folder: string, operation: string, code: string, options: DiskOptions = {}) => {
	const failing = {isOn: false};
	const files = failingFiles(asked => (failing.isOn && asked === operation ? code : undefined));
	return {store: await openDisk(folder, {files, ...options}), failing};
};

/** File operations of which some that new files are asked for are others. */
export const filesWith = (
	methodsOf: (file: DiskFile) => Partial<Pick<DiskFile, 'writeTogether' | 'truncate'>>,
): DiskFiles => ({
	...systemFiles,
	openAtOnce: (path, flags, mode) => {
		const file = systemFiles.openAtOnce(path, flags, mode);
		const methods = methodsOf(file);
		return new Proxy(file, {
			get: (target, name): unknown => {
				const value: unknown = Reflect.get(methods, name) ?? Reflect.get(target, name, target);
				return typeof value === 'function' ? (value.bind(target) as unknown) : value;
			},
		});
	},
});
