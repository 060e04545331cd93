import test from 'ava';
import {nameIn, openFolder, trailOf} from './folders.js';
import {kindOf} from './kind.js';
import {wishesOf} from '../../limit-wishes.js';
import {limitsOf, saidWish, standingOf} from './node-words.js';
import {safetyOf} from './safety.js';
import {pressed, sorted} from './sort.js';

const fileOf = (filename: string, size = 1, uploadedAt = 0) => ({
	file_id: filename,
	filename,
	size,
	uploaded_at: uploadedAt,
});

const opened = (names: string[], folder: string) => {
	const {folders, files} = openFolder(
		names.map(name => fileOf(name)),
		folder,
	);
	return {folders: folders.map(({path}) => path), files: files.map(({filename}) => filename)};
};

test('folders are made of the paths in names', t => {
	const names = ['a.txt', 'Photos/sea.jpg', 'Photos/2026/hills.jpg', 'Photos/2026/lake.jpg', 'Photosynthesis.txt'];
	t.deepEqual(opened(names, ''), {folders: ['Photos'], files: ['a.txt', 'Photosynthesis.txt']});
	t.deepEqual(opened(names, 'Photos'), {folders: ['Photos/2026'], files: ['Photos/sea.jpg']});
	t.deepEqual(opened(names, 'Photos/2026'), {folders: [], files: ['Photos/2026/hills.jpg', 'Photos/2026/lake.jpg']});
	t.deepEqual(opened(names, 'nowhere'), {folders: [], files: []});
});

test('a name whose slashes lead nowhere is shown as it is', t => {
	t.deepEqual(opened(['/', '/etc/passwd', 'end/', 'a//b'], ''), {
		folders: ['a'],
		files: ['/', '/etc/passwd', 'end/'],
	});
});

test('a folder counts what is in it, however deep', t => {
	const {folders, inside} = openFolder([fileOf('p/a', 2, 5), fileOf('p/q/b', 3, 9), fileOf('c', 100, 99)], '');
	t.deepEqual(
		inside.get('p')?.map(({filename}) => filename),
		['p/a', 'p/q/b'],
	);
	t.deepEqual(folders, [{path: 'p', name: 'p', files: 2, sizeBytes: 5, newestAt: 9}]);
});

test('what is uploaded into a folder is called after it', t => {
	t.is(nameIn('', 'a.txt'), 'a.txt');
	t.is(nameIn('p/q', 'a.txt'), 'p/q/a.txt');
	t.is(nameIn('p', '/x/a.txt'), 'p/x/a.txt');
	t.deepEqual(trailOf('p/q'), [
		{name: 'p', path: 'p'},
		{name: 'q', path: 'p/q'},
	]);
	t.deepEqual(trailOf(''), []);
});

test('rows are sorted as people count, and pressing a column twice turns the order', t => {
	const rows = [
		{name: 'img 10', size: 1, date: 3},
		{name: 'img 9', size: 1, date: 2},
		{name: 'Abc', size: 5, date: 1},
	];
	const names = (order: Parameters<typeof sorted>[1]) => sorted(rows, order, row => row).map(({name}) => name);
	t.deepEqual(names({key: 'name', isDown: false}), ['Abc', 'img 9', 'img 10']);
	t.deepEqual(names({key: 'size', isDown: true}), ['Abc', 'img 9', 'img 10']);
	t.deepEqual(names({key: 'date', isDown: true}), ['img 10', 'img 9', 'Abc']);
	t.deepEqual(pressed({key: 'date', isDown: true}, 'date'), {key: 'date', isDown: false});
	t.deepEqual(pressed({key: 'date', isDown: true}, 'name'), {key: 'name', isDown: false});
	t.deepEqual(pressed({key: 'name', isDown: false}, 'size'), {key: 'size', isDown: true});
});

test('how safe a file is, is said in words', t => {
	const say = (full: number, partly: number, none: number, copies?: {fewest: number; homes: number}) =>
		safetyOf({redundancy: {full, partly, none}, copies: copies && {wanted: 3, ...copies}});
	t.deepEqual(say(4, 0, 0, {fewest: 3, homes: 3}), {state: 'safe', text: 'Safe: 3 copies in 3 homes'});
	t.deepEqual(say(1, 0, 0, {fewest: 1, homes: 1}), {state: 'safe', text: 'Safe: 1 copy in 1 home'});
	t.deepEqual(say(3, 1, 0, {fewest: 2, homes: 2}), {state: 'short', text: '2 copies in 2 homes; more are being made'});
	t.is(say(3, 0, 1, {fewest: 0, homes: 0}).text, 'Can’t be opened now: 1 of 4 parts have no copy online');
	t.is(say(0, 0, 2).text, 'Can’t be opened now: no copy is online');
	t.is(say(0, 0, 0).text, 'Safe: it is empty');
	t.is(say(2, 0, 0).text, 'Safe', 'a coordinator of before tells no more');
});

test('what a file can be shown as is told by its type, and by its name where that says nothing', t => {
	t.is(kindOf('image/svg+xml', 'a'), 'image');
	t.is(kindOf('text/html', 'a'), 'text');
	t.is(kindOf('application/pdf', 'a.txt'), 'pdf');
	t.is(kindOf('application/octet-stream', 'films/a.MP4'), 'video');
	t.is(kindOf('application/octet-stream', 'folder.mp3/a'), undefined);
	t.is(kindOf('application/zip', 'a.txt'), undefined);
});

test('how a node does is said in words, the worst first', t => {
	const node = {status: 'online'} as Parameters<typeof standingOf>[0];
	t.is(standingOf(node).text, 'Online');
	t.is(standingOf({...node, status: 'offline'}).state, 'lost');
	const maintenance = {from: 0, until: 1, by: 'ann'};
	t.is(standingOf({...node, status: 'offline', maintenance}).text, 'Away for a while, as announced');
	t.is(standingOf({...node, maintenance}).text, 'Online, may be away');
	const drain = {
		started_at: 0,
		by: '',
		leaves: false,
		shards_total: 4,
		shards_left: 1,
		bytes_left: 1,
		eta_s: null,
		reason: null,
	};
	t.is(standingOf({...node, maintenance, drain}).text, 'Being emptied: 3 of 4 pieces moved');
	t.is(standingOf({...node, drain: {...drain, shards_left: 0}}).text, 'Emptied: it can be stopped');
	const leaving = {...drain, shards_left: 0, leaves: true, awaited_until: 1};
	t.is(standingOf({...node, drain: leaving}).text, 'Emptied: it removes what it had, then it leaves');
	t.is(standingOf({...node, banned_at: 1, drain}).text, 'Kept out');
});

test('what a node’s member lets it take is said in words', t => {
	t.deepEqual(limitsOf({}), []);
	t.deepEqual(limitsOf({line: {up: 0, down: 0}}), [
		['Line', 'no limit up, no limit down'],
		['Hours', 'always'],
		['Takes new pieces', 'Yes'],
	]);
	const hours = {text: 'Mon-Fri 22:00-06:00', time_zone: 'Europe/Berlin'};
	t.deepEqual(limitsOf({line: {up: 2 * 1024 * 1024, down: 0, hours, resting: 'off-hours'}}), [
		['Line', '2 MiB/s up, no limit down'],
		['Hours', 'Mon-Fri 22:00-06:00 (Europe/Berlin)'],
		['Takes new pieces', 'Not now: it is outside its hours'],
	]);
	const drain = {
		started_at: 0,
		by: '',
		leaves: true,
		shards_total: 4,
		shards_left: 0,
		bytes_left: 0,
		eta_s: 0,
		reason: null,
	};
	t.deepEqual(limitsOf({line: {up: 0, down: 0}, drain}).at(-1), ['Takes new pieces', 'No: it is emptied']);
});

test('what a node was asked for is said with what came of it', t => {
	const limits = {space: 1024 ** 3, up: 5, down: 0, schedule: 'none', monthly_cap: 0, hours: 'always'};
	const wished = {
		up: {at: 7, by: '', value: 2 * 1024 ** 2},
		monthly_cap: {at: 5, by: '', value: 1024 ** 4},
		hours: {at: 7, by: '', value: 'always'},
	};
	const say = (remote: {allowed: boolean; heard: number}, status: 'online' | 'offline' = 'online') =>
		wishesOf({wished, line: {up: 5, down: 0, limits, remote}}).map(asked => saidWish(asked, {status}));
	const hours = 'Hours always: taken over';
	t.deepEqual(say({allowed: true, heard: 5}), [
		'Up 2 MiB/s: taken over in a moment',
		'Traffic a month at most 1 TiB: set otherwise on its machine since',
		hours,
	]);
	t.is(say({allowed: true, heard: 5}, 'offline')[0], 'Up 2 MiB/s: taken over once the node is there');
	t.is(say({allowed: false, heard: 5})[0], 'Up 2 MiB/s: its machine does not allow it');
	t.deepEqual(limitsOf({line: {up: 5, down: 0, limits: {...limits, schedule: 'sat up=1mb', monthly_cap: 1024 ** 4}}}), [
		['Line', '5 B/s up, no limit down'],
		['Rates by the hour', 'sat up=1mb'],
		['Traffic a month', 'at most 1 TiB'],
		['Hours', 'always'],
		['Takes new pieces', 'Yes'],
	]);
});
