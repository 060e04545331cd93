import {type DragEvent, type ReactNode, useRef, useState} from 'react';
import {tellProblem} from '../deeds.js';
import {nameIn} from '../model/folders.js';
import {droppedFiles} from '../uploads/dropped.js';
import {addUploads} from '../uploads/queue.js';
import {Icon} from './parts.js';

const hasFiles = ({dataTransfer}: DragEvent): boolean => dataTransfer.types.includes('Files');

/** Whatever is dropped on the page is uploaded, into the folder that is open. */
export const DropAnywhere = ({folder, children}: {folder: string; children: ReactNode}) => {
	// Every element that is entered and left on the way says so.
	const depth = useRef(0);
	const [isOver, setIsOver] = useState(false);
	const count = (change: number) => {
		depth.current = Math.max(0, depth.current + change);
		setIsOver(depth.current > 0);
	};

	const drop = (event: DragEvent) => {
		if (!hasFiles(event)) return;
		event.preventDefault();
		count(-depth.current);
		droppedFiles(event.dataTransfer)
			.then(chosen => addUploads(chosen.map(({file, name}) => ({file, name: nameIn(folder, name)}))))
			.catch(tellProblem);
	};

	return (
		<div
			className="shell"
			onDragEnter={event => hasFiles(event) && count(1)}
			onDragLeave={event => hasFiles(event) && count(-1)}
			onDragOver={event => hasFiles(event) && event.preventDefault()}
			onDrop={drop}
		>
			{children}
			{isOver && (
				<div className="drop" aria-hidden="true">
					<Icon name="upload" />
					<p>Drop to upload{folder === '' ? '' : ` into ${folder}`}</p>
				</div>
			)}
		</div>
	);
};
