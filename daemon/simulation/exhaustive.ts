import {createHash} from 'node:crypto';
import {afterAllThatIsReady} from './virtual-time.js';

/** Something that waits to be done: a call of the catalogue or of a node. */
type Waiting = {label: string; carryOut: () => Promise<void>};

/**
Where the order of things is decided: whatever several parts want to do at the same time waits here, and is done one thing
after the other.
*/
export type Crossing = {
	/** Does some work when its turn comes; its outcome is known to nobody else before. */
	pass: <T>(label: string, work: () => Promise<T>) => Promise<T>;
};

export type Scenario = {
	/** Starts all parts. What they want to do goes through the crossing. */
	start: (crossing: Crossing) => Promise<void> | void;
	/** All that is durable, and what is owed, as text: where it and what each part has seen are the same, the same follows. */
	state: () => Promise<string>;
	/** Throws where a promise is broken at this moment. */
	check: () => Promise<void>;
	/** Ends the process in the middle of everything; nothing that waits is done. */
	crash: () => void;
	/** After all is done, or the crash: starts anew, heals, and throws where something is left undone. */
	finish: (hasCrashed: boolean) => Promise<void>;
};

export type Exploration = {
	/** Orders that were gone to their end. */
	orders: number;
	/** States that are different in what is durable, or in what a part has seen. */
	states: number;
	crashes: number;
	/** Durable states in which parts ended, or the process did. From equal ones the same follows, so each is healed once. */
	ends: number;
	longest: number;
	/** Whether every order was gone: there were no more states than were allowed. */
	isWhole: boolean;
};

/** A choice of what is done next: the number of what waits, or the end of the process. */
type Choice = number | 'crash';

const hashOf = (text: string): string => createHash('sha1').update(text).digest('base64');

const createCrossing = () => {
	let waiting: Waiting[] = [];
	/** What each part has seen, whatever the order among parts. */
	const seen: string[] = [];
	let isShut = false;

	const crossing: Crossing = {
		pass: async (label, work) =>
			new Promise((resolve, reject) => {
				if (isShut) return;
				waiting.push({
					label,
					async carryOut() {
						try {
							const result = await work();
							seen.push(`${label} ${JSON.stringify(result)}`);
							resolve(result);
						} catch (error) {
							seen.push(`${label} ${String(error)}`);
							reject(error instanceof Error ? error : new Error(String(error)));
						}
					},
				});
			}),
	};

	return {
		crossing,
		/** In an order of its own, so that when they came makes no difference. */
		waiting: () => [...waiting].sort((one, other) => (one.label < other.label ? -1 : 1)),
		async carryOut(next: Waiting) {
			waiting = waiting.filter(other => other !== next);
			await next.carryOut();
			await afterAllThatIsReady();
		},
		shut() {
			isShut = true;
			waiting = [];
		},
		seen: () => [...seen].sort().join('\n'),
	};
};

/**
Goes every order in which what waits can be done, with an end of the process before each of them. From a state that was seen
before it doesn't go on: what follows is known. Each order is gone from its beginning, in a new world.

@param create - Gives a new world, always the same.
@param mostStates - Where there are more, it goes no further from there.
@throws What a check threw, with the order that led to it.
*/
export const explore = async (create: () => Promise<Scenario>, mostStates = Infinity): Promise<Exploration> => {
	const known = new Set<string>();
	const healed = new Set<string>();
	const result: Exploration = {orders: 0, states: 0, crashes: 0, ends: 0, longest: 0, isWhole: true};
	/** Beginnings of orders that are still to be gone. */
	const open: Choice[][] = [[]];

	const finish = async (scenario: Scenario, hasCrashed: boolean) => {
		result.orders++;
		const key = hashOf(`${hasCrashed} ${await scenario.state()}`);
		if (healed.has(key)) return;
		healed.add(key);
		result.ends++;
		await scenario.finish(hasCrashed);
	};

	/** Goes one order: as given, then always what comes first. Leaves what else could have been done for later. */
	const go = async (given: readonly Choice[]) => {
		const scenario = await create();
		const crossroads = createCrossing();
		const path: string[] = [];
		try {
			await scenario.start(crossroads.crossing);
			await afterAllThatIsReady();
			const choices: Choice[] = [];
			for (;;) {
				const isNew = choices.length >= given.length;
				const next = crossroads.waiting();
				if (isNew) {
					const key = hashOf(
						`${await scenario.state()}\n${next.map(({label}) => label).join('\n')}\n\n${crossroads.seen()}`,
					);
					if (known.has(key)) return;
					known.add(key);
					result.states++;
					await scenario.check();
				}

				if (next.length === 0) break;
				if (isNew && result.states >= mostStates) {
					result.isWhole = false;
				} else if (isNew) {
					for (let other = 1; other < next.length; other++) open.push([...choices, other]);
					open.push([...choices, 'crash']);
				}

				const choice = given[choices.length] ?? 0;
				choices.push(choice);
				if (choice === 'crash') {
					path.push('the process ends');
					result.crashes++;
					crossroads.shut();
					scenario.crash();
					await finish(scenario, true);
					return;
				}

				const chosen = next[choice];
				if (!chosen) throw new Error('the same beginning led elsewhere: something is not decided by the order alone');
				path.push(chosen.label);
				await crossroads.carryOut(chosen);
			}

			result.longest = Math.max(result.longest, path.length);
			await finish(scenario, false);
		} catch (error) {
			throw new Error(`In this order:\n${path.join('\n')}\n${String(error)}`, {cause: error});
		}
	};

	for (let next = open.pop(); next; next = open.pop()) await go(next);
	return result;
};
