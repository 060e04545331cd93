import {type ChangeEvent, useRef} from 'react';
import {escapeControls} from '../../protocol/escape.js';
import {formatSize} from '../../format.js';
import {tell} from '../deeds.js';
import {baseName} from '../model/folders.js';
import {useStore} from '../store.js';
import {forgetLeftover, type Leftover, leftovers} from '../uploads/leftovers.js';
import {addUploads, uploads} from '../uploads/queue.js';
import {keyring, unlocking} from '../sealing.js';
import {Icon} from './parts.js';

/** What of them is chosen again goes on where it stopped; another file that is called so does not. */
const resume = (list: FileList | null, open: readonly Leftover[]) => {
	const again = [...(list ?? [])].flatMap(file => {
		const found = open.find(({name, sizeBytes}) => baseName(name) === file.name && sizeBytes === file.size);
		return found ? [{file, name: found.name, isSealed: found.isSealed}] : [];
	});
	if (again.length === 0) tell({text: 'That is another file: choose the one that was cut off', isBad: true});
	if (again.some(({isSealed}) => isSealed) && !keyring.get()) {
		tell({text: 'It is sealed end to end: unlock your keyring, then choose it again', isBad: true});
		unlocking.set('see');
		return;
	}

	addUploads(again);
};

/** Uploads that were cut off when the page was closed. A browser gives no file to a page but by hand. */
export const LeftoverList = () => {
	const input = useRef<HTMLInputElement>(null);
	const active = useStore(uploads);
	const all = useStore(leftovers);
	const open = all.filter(({name}) => !active.some(upload => upload.name === name && upload.state !== 'done'));
	if (open.length === 0) return null;
	const take = (event: ChangeEvent<HTMLInputElement>) => {
		resume(event.target.files, open);
		event.target.value = '';
	};
	return (
		<section className="card stack leftovers" aria-label="Uploads that were cut off">
			<div className="bar">
				<p className="grow">
					These uploads were cut off. Choose the same files again, and they go on where they stopped.
				</p>
				<button type="button" className="main" onClick={() => input.current?.click()}>
					Choose again
				</button>
				<input ref={input} type="file" multiple hidden onChange={take} aria-label="Files that were cut off" />
			</div>
			<ul className="rows">
				{open.map(leftover => (
					<li key={leftover.key}>
						<span className="name">
							{leftover.isSealed && <Icon name="lock" />}
							{escapeControls(leftover.name)}
							{leftover.isSealed && <span className="unseen"> (sealed end to end)</span>}
						</span>
						<span className="hint">{formatSize(leftover.sizeBytes)}</span>
						<button
							type="button"
							className="plain"
							aria-label={`Forget ${leftover.name}`}
							onClick={() => void forgetLeftover(leftover)}
						>
							Forget
						</button>
					</li>
				))}
			</ul>
		</section>
	);
};
