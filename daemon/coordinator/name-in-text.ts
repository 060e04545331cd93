const plainName = /^[\p{L}\p{N}][\p{L}\p{N}._-]*$/u;

/** A node's name in a sentence: in quotes where a part of it could be taken for a part of the sentence. */
export const nameInText = (name: string): string => (plainName.test(name) ? name : JSON.stringify(name));
