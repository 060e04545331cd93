import {bashCompletion} from './completion-bash.js';
import {fishCompletion} from './completion-fish.js';
import {zshCompletion} from './completion-zsh.js';
import type {shells} from './commands.js';

/** The scripts that complete what is typed, made of the table of commands. */
export const completionScripts: Record<(typeof shells)[number], () => string> = {
	bash: bashCompletion,
	zsh: zshCompletion,
	fish: fishCompletion,
};
