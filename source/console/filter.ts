/** Says of a row's text, in lower case, whether it stays. */
export type Matcher = (lowerCaseText: string) => boolean;

/** Whether all of `letters` are in the text, in their order. */
const isAbout = (text: string, letters: string): boolean => {
	let from = 0;
	for (const letter of letters) {
		const at = text.indexOf(letter, from);
		if (at === -1) return false;
		from = at + letter.length;
	}

	return true;
};

const matcherOfWord = (word: string): Matcher => {
	if (word.startsWith('!') && word.length > 1) {
		const rest = matcherOfWord(word.slice(1));
		return text => !rest(text);
	}

	if (word.startsWith('~') && word.length > 1) {
		const letters = word.slice(1);
		return text => isAbout(text, letters);
	}

	return text => text.includes(word);
};

/**
What a filter line means: words that must all be there, whatever their case; `!word` must not be there, and of `~word` the
letters must be there in that order. `undefined` for a line that lets everything through.
*/
export const parseFilter = (line: string): Matcher | undefined => {
	const words = line.toLowerCase().split(/\s+/).filter(Boolean);
	if (words.length === 0) return undefined;
	const matchers = words.map(word => matcherOfWord(word));
	const [only] = matchers;
	return only && matchers.length === 1 ? only : text => matchers.every(matcher => matcher(text));
};

/** Whether all that `next` lets through was let through by `previous`: then only those need to be looked at again. */
export const isNarrower = (next: string, previous: string): boolean =>
	next.startsWith(previous) && !/[!~]/.test(next) && previous.trim() !== '';
