import {z} from 'zod';
import {type LimitName, limitRules} from '../source/protocol/member-limits.js';

/** What the ways to read a value have in common: texts as flags and environment give them, and numbers out of a file. */
export const parsed = <Value>(parse: (text: string) => Value | undefined) =>
	z.union([z.string(), z.number()]).transform((given, context) => {
		const value = parse(String(given));
		if (value === undefined) {
			context.addIssue({code: 'custom', message: 'not allowed'});
			return z.NEVER;
		}

		return value;
	});

/** A number that lies in a range; `undefined` where it does not. */
export const within = (value: number | undefined, least: number, most: number) =>
	value !== undefined && value >= least && value <= most ? value : undefined;

export const wholeNumber = (least: number, most: number) =>
	parsed(text => (/^\d{1,9}$/.test(text) ? within(Number(text), least, most) : undefined));

export const oneOf = <const Choices extends readonly string[]>(choices: Choices) =>
	parsed(text => choices.find((choice): choice is Choices[number] => choice === text));

/** What a member may limit is read here as it is while the node runs. */
export const size = (key: LimitName) => parsed(text => limitRules[key].parse(text) as number | undefined);
export const hours = (key: LimitName) => parsed(text => limitRules[key].parse(text) as string | undefined);

export const MAX_LABEL_LENGTH = 64;

export const label = parsed(text =>
	text.trim() === text && text.length > 0 && text.length <= MAX_LABEL_LENGTH && !/\p{C}/u.test(text) ? text : undefined,
);
export const labelAllowed = `1 to ${MAX_LABEL_LENGTH} characters, no space at either end, no control characters`;

export const filePath = parsed(text => (text.length > 0 && !text.includes('\0') ? text : undefined));

/** A switch is a flag without a value, or a word in the environment. */
export const switchSchema = z.union([
	z.boolean(),
	z.stringbool({truthy: ['true', 'yes', 'on', '1'], falsy: ['false', 'no', 'off', '0']}),
]);
