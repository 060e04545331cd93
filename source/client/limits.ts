/** What is waited for, and what is taken, at most. */
export type Limits = {
	/** Without a byte, when an answer is short. */
	answerMs: number;
	/** For the whole of a short answer. */
	wholeAnswerMs: number;
	/** Without a byte going on, either way, in the middle of a file. The coordinator asks another node well before. */
	stallMs: number;
	/** For the coordinator to write the end of a file to its nodes, or to have a chunk checked by them. */
	workMs: number;
	/** Without a byte from the stream of events, which has a heartbeat every 15 seconds. */
	silenceMs: number;
	/** Of a short answer: a full page of the longest names is a quarter of it. */
	answerBytes: number;
	/** Of a line of a check, and of an event. */
	lineCharacters: number;
};

const MIB = 1024 * 1024;

export const defaultLimits: Limits = {
	answerMs: 15_000,
	wholeAnswerMs: 60_000,
	stallMs: 60_000,
	workMs: 300_000,
	silenceMs: 45_000,
	answerBytes: 32 * MIB,
	lineCharacters: MIB,
};
