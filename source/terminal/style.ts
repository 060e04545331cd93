/** How a cell looks. Two styles are the same when their keys are. */
export type Style = {
	/** The parameters of SGR that make it, all of them, from the default style; '' for the default. */
	key: string;
	/** The parameter that makes this colour: `31`, `38;5;208`, `38;2;1;2;3`; '' for the default. */
	foreground: string;
	background: string;
	/** Numbers of SGR that switch something on, in order: 1 bold, 2 dim, 3 italic, 4 underline, 7 inverse, 9 struck out. */
	attributes: readonly number[];
};

const makeStyle = (foreground: string, background: string, attributes: readonly number[]): Style => ({
	key: [...attributes, foreground, background].filter(part => part !== '').join(';'),
	foreground,
	background,
	attributes,
});

export const plainStyle: Style = makeStyle('', '', []);

const offs: Readonly<Record<number, number>> = {1: 22, 2: 22, 3: 23, 4: 24, 7: 27, 9: 29};

const isBetween = (number: number, first: number, last: number) => number >= first && number <= last;

type Draft = {foreground: string; background: string; attributes: Set<number>};

/** A colour in 256 or in 24 bits: how many parameters it takes, and itself, where it is sound. */
const longColor = (numbers: readonly number[]): {length: number; parameter: string} | undefined => {
	const length = numbers[1] === 5 ? 3 : numbers[1] === 2 ? 5 : 0;
	const parts = numbers.slice(0, length);
	const isSound = length > 0 && parts.length === length && parts.slice(2).every(part => isBetween(part, 0, 255));
	return isSound ? {length, parameter: parts.join(';')} : undefined;
};

const applyNumber = (draft: Draft, number: number): void => {
	if (number in offs) draft.attributes.add(number);
	else if (isBetween(number, 22, 29)) {
		for (const [on, off] of Object.entries(offs)) if (off === number) draft.attributes.delete(Number(on));
	} else if (isBetween(number, 30, 37) || isBetween(number, 90, 97)) draft.foreground = String(number);
	else if (isBetween(number, 40, 47) || isBetween(number, 100, 107)) draft.background = String(number);
	else if (number === 39) draft.foreground = '';
	else if (number === 49) draft.background = '';
};

/**
The style after a sequence `CSI … m`. What is unknown, blinks or hides changes nothing.
@param parameters - What stands between `CSI` and `m`.
*/
export const applySgr = (style: Style, parameters: string): Style => {
	let numbers = parameters.split(/[;:]/).map(Number);
	let draft: Draft = {...style, attributes: new Set(style.attributes)};
	while (numbers.length > 0) {
		const [first = 0] = numbers;
		const color = first === 38 || first === 48 ? longColor(numbers) : undefined;
		if (first === 0) draft = {...plainStyle, attributes: new Set()};
		else if (color) draft[first === 38 ? 'foreground' : 'background'] = color.parameter;
		// Its parts must not be taken for attributes.
		else if (first === 38 || first === 48) break;
		else applyNumber(draft, first);
		numbers = numbers.slice(color?.length ?? 1);
	}

	return makeStyle(
		draft.foreground,
		draft.background,
		[...draft.attributes].sort((a, b) => a - b),
	);
};

export const withoutColor = (style: Style): Style => makeStyle('', '', style.attributes);

/** What goes off, and what goes on: bold and dim go off together. */
const changes = (before: Style, after: Style): string => {
	const gone = before.attributes.filter(attribute => !after.attributes.includes(attribute));
	const off = new Set(gone.map(attribute => offs[attribute] ?? 0));
	const on = after.attributes.filter(
		attribute => !before.attributes.includes(attribute) || off.has(offs[attribute] ?? 0),
	);
	const foreground = before.foreground === after.foreground ? '' : after.foreground || '39';
	const background = before.background === after.background ? '' : after.background || '49';
	return [...off, ...on, foreground, background].filter(part => part !== '').join(';');
};

/** The shortest sequence from one style to the other. */
export const sgrBetween = (before: Style, after: Style): string => {
	if (before.key === after.key) return '';
	const anew = after.key === '' ? '' : `0;${after.key}`;
	const change = changes(before, after);
	return `\u001B[${anew.length < change.length ? anew : change}m`;
};
