/** Of a reason only so much is told. */
const LONGEST_REASON = 300;

/** The reason that a coordinator's answer gives for a failure, in its own words; none where the answer is something else. */
export const reasonIn = (text: string): string | undefined => {
	try {
		const {error} = JSON.parse(text) as {error?: unknown};
		return typeof error === 'string' ? error.slice(0, LONGEST_REASON) : undefined;
	} catch {
		return undefined;
	}
};
