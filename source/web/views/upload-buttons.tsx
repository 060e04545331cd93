import {type ChangeEvent, useRef} from 'react';
import {nameIn} from '../model/folders.js';
import {chosenFiles} from '../uploads/dropped.js';
import {addUploads} from '../uploads/queue.js';
import {SealSwitch} from './keyring.js';
import {Icon} from './parts.js';

/** Every browser knows it, React's types don't. */
const whole = {webkitdirectory: ''};

/** Choosing files, or a folder, in the browser's own dialog. */
export const UploadButtons = ({folder}: {folder: string}) => {
	const filesInput = useRef<HTMLInputElement>(null);
	const folderInput = useRef<HTMLInputElement>(null);
	const take = (event: ChangeEvent<HTMLInputElement>) => {
		addUploads(chosenFiles(event.target.files).map(({file, name}) => ({file, name: nameIn(folder, name)})));
		// The same files can be chosen again.
		event.target.value = '';
	};
	return (
		<div className="buttons">
			<button type="button" className="main" onClick={() => filesInput.current?.click()}>
				<Icon name="upload" />
				Upload files
			</button>
			<button type="button" onClick={() => folderInput.current?.click()}>
				<Icon name="folder" />
				Upload folder
			</button>
			<SealSwitch />
			<input ref={filesInput} type="file" multiple hidden onChange={take} aria-label="Files to upload" />
			<input ref={folderInput} type="file" {...whole} hidden onChange={take} aria-label="Folder to upload" />
		</div>
	);
};
