/**
These take longest, the longest first. They begin first, so that none of them goes on alone in the end while the other core
rests.
*/
const longest = [
	'daemon/simulation/simulation',
	'daemon/crash',
	'daemon/chaos',
	'source/console-behaviour',
	'source/commands/people',
	'daemon/hostile',
	'source/commands/transfers',
	'source/commands/keyring',
	'daemon/faults',
	'daemon/repair',
	'daemon/simulation/exhaustive',
	'source/console-screens',
	'daemon/coordinator/repairer',
	'daemon/coordinator/mover',
	'daemon/package',
	'daemon/cli',
];

const placeOf = file => {
	const place = longest.findIndex(name => file.endsWith(`/dist/${name}.test.js`));
	return place === -1 ? longest.length : place;
};

export default {
	files: ['dist/**/*.test.js'],
	sortTestFiles: (a, b) => placeOf(a) - placeOf(b) || (a < b ? -1 : 1),
	failFast: false,
	// Of threads of one process, whoever starts a program hands it the others' listening ports for a moment: a server that closed
	// and listens again meanwhile finds its own port in use.
	workerThreads: false,
	timeout: '5m',
	concurrency: 2,
};
