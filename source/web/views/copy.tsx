import {useRef, useState} from 'react';
import {Field} from './parts.js';

/** A text to be taken elsewhere. Browsers let pages copy only over TLS; elsewhere it is chosen, for the keyboard to copy. */
export const Copy = ({label, text}: {label: string; text: string}) => {
	const input = useRef<HTMLInputElement>(null);
	const [state, setState] = useState('');
	const copy = () => {
		input.current?.select();
		if (!window.isSecureContext) {
			setState('Chosen: copy it with Ctrl-C, or a long press.');
			return;
		}

		navigator.clipboard.writeText(text).then(
			() => setState('Copied.'),
			() => setState('Chosen: copy it with Ctrl-C, or a long press.'),
		);
	};
	return (
		<div className="copy">
			<Field label={label}>{({id}) => <input ref={input} id={id} value={text} readOnly />}</Field>
			<button type="button" onClick={copy}>
				Copy
			</button>
			<p className="hint" role="status">
				{state}
			</p>
		</div>
	);
};
