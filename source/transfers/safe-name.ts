/** The most bytes of a name on the file systems in use. */
export const MAX_NAME_BYTES = 255;

const MAX_EXTENSION_BYTES = 32;
const NAMELESS = 'file';

/**
What a name can't hold here or on another of the systems that people use, and what makes it look like another one:
control characters, those that turn the direction of text or are invisible, halves of pairs, separators of paths, and what
Windows keeps for itself.
*/
const unusable =
	/[\p{Cc}\p{Zl}\p{Zp}\p{Surrogate}\u061C\u200B\u200E\u200F\u202A-\u202E\u2060-\u206F\uFEFF<>:"/\\|?*]/gu;
/** Windows drops these silently from the end, so that two names would be one; spaces at the beginning nobody sees. */
const loose = /^\s+|[\s.]+$/gu;
/** Devices on Windows, with any extension (https://learn.microsoft.com/windows/win32/fileio/naming-a-file). */
const device = /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])\s*(?:\.|$)/iu;

/** The beginning of a text, at most so many bytes of it in UTF-8, and no character of it in part. */
export const cutToBytes = (text: string, maxBytes: number): string => {
	if (Buffer.byteLength(text) <= maxBytes) return text;
	let kept = '';
	let bytes = 0;
	for (const character of text) {
		bytes += Buffer.byteLength(character);
		if (bytes > maxBytes) break;
		kept += character;
	}

	return kept;
};

const shorten = (name: string): string => {
	if (Buffer.byteLength(name) <= MAX_NAME_BYTES) return name;
	const [extension = ''] = /\.[^.\s]+$/u.exec(name) ?? [];
	const kept = Buffer.byteLength(extension) <= MAX_EXTENSION_BYTES ? extension : '';
	const stem = cutToBytes(name.slice(0, name.length - kept.length), MAX_NAME_BYTES - Buffer.byteLength(kept));
	return stem + kept;
};

/**
What a file is called on this disk, whatever it is called at the coordinator: one name, never a path, of at most 255 bytes,
that every system takes. A name that is fit already stays as it is.
*/
export const safeFileName = (name: string): string => {
	const fit = (text: string) => shorten(text.replace(loose, '')).replace(loose, '');
	const short = fit(name.replace(unusable, '_'));
	if (short === '') return NAMELESS;
	return device.test(short) ? fit(`_${short}`) : short;
};
