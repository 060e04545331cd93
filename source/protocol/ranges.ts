/** A range of bytes; both ends are included, as in HTTP. */
export type ByteRange = {firstByte: number; lastByte: number};

/**
More ranges than a person's program asks for are an attack (RFC 9110, section 14.2 lets a server refuse them).
*/
export const MAX_RANGES = 16;

const rangePattern = /^(\d{1,15})?-(\d{1,15})?$/;

const parseOne = (text: string, sizeBytes: number): ByteRange | 'malformed' | 'unsatisfiable' => {
	const match = rangePattern.exec(text.trim());
	const [first, last] = [match?.[1], match?.[2]];
	if (first === undefined && last === undefined) return 'malformed';
	if (first === undefined) {
		const suffixBytes = Math.min(Number(last), sizeBytes);
		return suffixBytes === 0 ? 'unsatisfiable' : {firstByte: sizeBytes - suffixBytes, lastByte: sizeBytes - 1};
	}

	const firstByte = Number(first);
	const lastByte = last === undefined ? Number.MAX_SAFE_INTEGER : Number(last);
	if (lastByte < firstByte) return 'malformed';
	return firstByte >= sizeBytes ? 'unsatisfiable' : {firstByte, lastByte: Math.min(lastByte, sizeBytes - 1)};
};

/** Joins ranges that overlap or touch, so that no byte is sent twice; else in the order asked for. */
const combine = (ranges: readonly ByteRange[]): ByteRange[] => {
	const combined: ByteRange[] = [];
	for (const range of ranges) {
		const touching = combined.filter(
			other => range.firstByte <= other.lastByte + 1 && other.firstByte <= range.lastByte + 1,
		);
		const merged = touching.reduce(
			(sum, other) => ({
				firstByte: Math.min(sum.firstByte, other.firstByte),
				lastByte: Math.max(sum.lastByte, other.lastByte),
			}),
			range,
		);
		const at = touching[0] ? combined.indexOf(touching[0]) : combined.length;
		combined.splice(at, 0, merged);
		for (const other of touching) combined.splice(combined.indexOf(other), 1);
	}

	return combined;
};

/**
Reads a `Range` header (RFC 9110, section 14.2) for a representation of `sizeBytes`.

@returns The ranges to send; `undefined` where the header is to be ignored (another unit, malformed);
`'unsatisfiable'` where there is nothing to send, or more than `MAX_RANGES` are asked for.
*/
export const parseRange = (header: string, sizeBytes: number): ByteRange[] | 'unsatisfiable' | undefined => {
	const [, list] = /^bytes=(.*)$/i.exec(header.trim()) ?? [];
	if (list === undefined) return undefined;
	const parts = list.split(',').filter(part => part.trim() !== '');
	if (parts.length === 0) return undefined;
	if (parts.length > MAX_RANGES) return 'unsatisfiable';

	const parsed = parts.map(part => parseOne(part, sizeBytes));
	if (parsed.includes('malformed')) return undefined;
	const ranges = parsed.filter(range => typeof range === 'object');
	return ranges.length === 0 ? 'unsatisfiable' : combine(ranges);
};
