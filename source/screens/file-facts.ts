import type {Line} from '../components/lines.js';
import {age, dateTime} from '../console/age.js';
import type {Piece} from '../console/table.js';
import {fit} from '../console/table-layout.js';
import type {Console} from '../console/view.js';
import {formatSize} from '../format.js';
import type {OpenedFile, SealState} from '../client/opened-files.js';
import type {Tone} from '../console/theme.js';
import {printable, truncate} from '../terminal/text.js';
import {ownerPiece} from './file-readers.js';
import {redundancySentence, redundancyTone, redundancyWords} from './redundancy.js';

/** A file in words, for lists, details and screen readers alike. */

const LABEL_WIDTH = 11;

/** A text in as many lines as it needs, cut where the width ends: a name has no better place. */
export const wrap = (text: string, width: number): string[] => {
	const lines: string[] = [];
	let rest = printable(text);
	while (rest !== '') {
		const head = truncate(rest, width, '') || rest;
		lines.push(head);
		rest = rest.slice(head.length);
	}

	return lines;
};

/** The redundancy as a cell: words, and the tone that goes with them. */
export const redundancyPiece = ({status, redundancy}: OpenedFile, width = Infinity): Piece =>
	status === 'completed'
		? {text: redundancyWords(redundancy, width), tone: redundancyTone(redundancy)}
		: {text: 'uploading', tone: 'muted'};

const sentencePiece = ({status, redundancy}: OpenedFile): Piece =>
	status === 'completed'
		? {text: redundancySentence(redundancy), tone: redundancyTone(redundancy)}
		: {text: 'It is being uploaded', tone: 'muted'};

const sealWords: Record<SealState, {short: string; text: string; tone: Tone}> = {
	opened: {short: 'e2e', text: 'end to end, open here', tone: 'ok'},
	locked: {short: 'e2e', text: 'end to end, locked here', tone: 'muted'},
	broken: {short: 'e2e!', text: 'end to end, and not as it was', tone: 'bad'},
};

/** What stands before the name of a file that is sealed end to end. */
export const sealPieces = ({seal}: OpenedFile): Piece[] =>
	seal === undefined ? [] : [{text: `${sealWords[seal].short} `, tone: sealWords[seal].tone}];

export const chunksText = (count: number): string => `${count} chunk${count === 1 ? '' : 's'}`;

/** Everything that is known of a file, in at most `rows` lines: the last ones leave first, and of a long name its end. */
export const factLines = (file: OpenedFile, {theme, clock}: Console, width: number, rows = Infinity): Line[] => {
	const {ellipsis} = theme.glyphs;
	const line = (label: string, value: Piece | string): Line => ({
		pieces: [
			...fit({text: label, tone: 'muted'}, LABEL_WIDTH, ellipsis),
			...fit(value, Math.max(1, width - LABEL_WIDTH), ellipsis),
		],
	});
	const sentence = sentencePiece(file);
	const others = [
		line('redundancy', sentence.text.length > width - LABEL_WIDTH ? redundancyPiece(file) : sentence),
		line('size', `${formatSize(file.size)} (${file.size} bytes)`),
		line('owner', ownerPiece(file)),
		...(file.seal === undefined ? [] : [line('sealed', {...sealWords[file.seal]})]),
		line('chunks', String(file.chunks_count)),
		line('uploaded', `${dateTime(file.uploaded_at)} (${age(clock.now() - file.uploaded_at)})`),
		line('type', file.type),
		line('id', file.file_id),
	];
	const names = wrap(file.filename, Math.max(1, width - LABEL_WIDTH));
	const nameRows = Math.max(1, Math.min(names.length, rows - others.length));
	const shown = names.slice(0, nameRows);
	if (names.length > nameRows)
		shown[nameRows - 1] = truncate(names.slice(nameRows - 1).join(''), width - LABEL_WIDTH, ellipsis);
	const nameLines = shown.map((text, index) => line(index === 0 ? 'name' : '', {text, isBold: true}));
	return [...nameLines, ...others].slice(0, rows);
};

/** The same in two lines, for where there is little room. */
export const briefLines = (file: OpenedFile, {theme}: Console, width: number): Line[] => {
	const {ellipsis} = theme.glyphs;
	const sums = `${formatSize(file.size)}, ${chunksText(file.chunks_count)}, uploaded ${dateTime(file.uploaded_at)}, `;
	return [
		{pieces: fit([...sealPieces(file), {text: file.filename, isBold: true}], width, ellipsis)},
		{
			pieces: fit(
				[redundancyPiece(file), {text: `, ${sums}`}, {text: `${file.type}, owner ${ownerPiece(file).text}`}],
				width,
				ellipsis,
			),
		},
	];
};

/** A file as a screen reader says it. */
export const fileSentence = (file: OpenedFile): string => {
	const {filename, size, type, seal, uploaded_at: uploadedAt} = file;
	const sealed = seal === undefined ? '' : `, sealed ${sealWords[seal].text}`;
	return `${printable(filename)}, ${formatSize(size)}, ${printable(type)}, uploaded ${dateTime(uploadedAt)}, redundancy ${redundancyPiece(file).text}, owner ${ownerPiece(file).text}${sealed}`;
};
