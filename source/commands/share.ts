import type {FileChange} from '../client/people-contract.js';
import type {FileView} from '../client/contract.js';
import {readersText} from '../format-readers.js';
import {escapeControls} from '../protocol/escape.js';
import {PjasError} from '../protocol/errors.js';
import {type CommandContext, isOn, jsonLine, type RunCommand, valueOf} from './context.js';
import {exitCodes} from './failures.js';
import {findFile} from './find-file.js';

const NOBODY = '-';

const changeOf = (context: CommandContext): FileChange => {
	const visibility = valueOf(context, 'visibility') as FileView['visibility'] | undefined;
	const text = valueOf(context, 'with');
	const names = (text === NOBODY ? '' : (text ?? '')).split(',').map(name => name.trim());
	if (visibility === undefined && text === undefined) {
		throw new PjasError('INVALID_CONFIGURATION', 'Say who may read it: --with NAMES, --visibility WHO, or both');
	}

	return {
		...(visibility && {visibility}),
		...(text !== undefined && {shared_with: names.filter(name => name !== '')}),
	};
};

export const share: RunCommand = async context => {
	const change = changeOf(context);
	const found = await findFile(context.api, context.words[0] ?? '');
	const file = await context.api.changeFile(found.file_id, change);
	const text = `${escapeControls(`${file.file_id}  ${file.filename}: ${readersText(file)}`)}\n`;
	await context.stdout.write(isOn(context, 'json') ? jsonLine(file) : text);
	return exitCodes.done;
};
