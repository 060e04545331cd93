/**
These take longest, the longest first. They begin first, so that none of them goes on alone in the end while the other core
rests.
*/
const longest = [
	'daemon/crash',
	'daemon/chaos',
	'daemon/hostile',
	'daemon/simulation/simulation',
	'daemon/faults',
	'daemon/coordinator/repairer',
	'daemon/simulation/exhaustive',
	'daemon/cli',
	'daemon/coordinator/mover',
	'source/console-behaviour',
];

const placeOf = file => {
	const place = longest.findIndex(name => file.endsWith(`/dist/${name}.test.js`));
	return place === -1 ? longest.length : place;
};

export default {
	files: ['dist/**/*.test.js'],
	sortTestFiles: (a, b) => placeOf(a) - placeOf(b) || (a < b ? -1 : 1),
	failFast: false,
	timeout: '5m',
	concurrency: 2,
};
