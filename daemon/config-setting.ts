import type {z} from 'zod';

export const roles = ['coordinator', 'node', 'local'] as const;
/** What a member says to the node that runs on this machine. */
export const memberCommands = ['status', 'pause', 'resume', 'leave'] as const;
export const commands = [
	'join',
	'backup',
	'restore',
	'audit',
	'rotate-keys',
	'doctor',
	...memberCommands,
	'set',
] as const;
export const modes = [...roles, ...commands] as const;

/** What a run of `pjas-daemon` is: a part of a network that goes on, or a command that ends. */
export type Mode = (typeof modes)[number];
type Role = (typeof roles)[number];

export type Given = string | number | boolean;

/** What stands in the place of a value that nobody gave, given the settings above it in the table. */
type Derived = {text: string; from: (above: Record<string, unknown>, hostname: string) => Given};

export type Setting = {
	/** In `pjas_config.json`; the flag and the `PJAS_` name follow from it, unless there is a `short` one. */
	name: string;
	short?: string;
	/** What stands for the value in `--help`. A switch has none. */
	placeholder?: string;
	help: string;
	/** Which values there are, for whoever gave another. */
	allowed: string;
	schema: z.ZodType<unknown, Given>;
	modes: readonly Mode[];
	default?: Given | Partial<Record<Mode, Given>> | Derived;
	isRequired?: true;
	/** It is the word at this place on the command line, from 0, not a flag. */
	position?: number;
	/** The place where it is another in some modes. */
	positions?: Partial<Record<Mode, number>>;
	/** Only a flag gives it. */
	isFlagOnly?: true;
	/** A path, from the working folder. */
	isPath?: true;
	/** The name under which hosting services set it for the coordinator. */
	hostedName?: string;
	/** What settings above it say of it, which goes before environment and file. */
	implied?: (above: Record<string, unknown>) => string | undefined;
	/** The console reads it as well, so a coordinator that finds it in its surroundings passes over it. */
	isShared?: true;
	/** Its value is not repeated in what is said of it: what is wrong may be nearly right. */
	isSecret?: true;
	/** What is wrong with a value that is right by itself, beside those above it. */
	conflict?: (value: unknown, above: Record<string, unknown>) => string | undefined;
};

export const flagOf = (setting: Setting): string => (setting.short ?? setting.name).replaceAll('_', '-');
export const environmentNameOf = (setting: Setting): string => `PJAS_${(setting.short ?? setting.name).toUpperCase()}`;

/** The place of a setting among the words of a mode; none where it is a flag. */
export const placeOf = ({position, positions}: Setting, mode: Mode): number | undefined =>
	positions?.[mode] ?? position;

export const isRole = (mode: Mode): mode is Role => (roles as readonly Mode[]).includes(mode);

export const isDerived = (value: Setting['default']): value is Derived => typeof value === 'object' && 'from' in value;

/** The default that doesn't follow from other settings. */
export const plainDefaultOf = (setting: Setting, mode: Mode): Given | undefined => {
	if (isDerived(setting.default)) return undefined;
	return typeof setting.default === 'object' ? setting.default[mode] : setting.default;
};
