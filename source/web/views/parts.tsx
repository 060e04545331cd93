import {type ReactNode, useId, useLayoutEffect, useRef} from 'react';
import {isApiError, messageOf} from '../api.js';

/** Small parts that every view is made of. */

const shapes = {
	file: 'M6 2h8l5 5v15H6zM14 2v5h5',
	folder: 'M3 6h6l2 2h10v11H3z',
	trash: 'M4 7h16M9 7V4h6v3M6 7l1 14h10l1-14',
	download: 'M12 3v12m-5-5 5 5 5-5M4 20h16',
	upload: 'M12 16V4m-5 5 5-5 5 5M4 20h16',
	search: 'M10 4a6 6 0 1 0 0 12 6 6 0 0 0 0-12zm4.500 10.500L20 20',
	share: 'M9 12h6M10 8H7a4 4 0 0 0 0 8h3m4-8h3a4 4 0 0 1 0 8h-3',
	network: 'M12 4v6m0 0-6 8m6-8 6 8M12 4h.01M6 19h.01M18 19h.01',
	home: 'M4 11l8-7 8 7v9h-5v-6H9v6H4z',
	close: 'M6 6l12 12M18 6L6 18',
	pause: 'M8 5v14M16 5v14',
	play: 'M7 5l12 7-12 7z',
	again: 'M5 12a7 7 0 1 1 2 5M5 20v-4h4',
	back: 'M15 5l-7 7 7 7',
	rename: 'M4 20h4L19 9l-4-4L4 16z',
	check: 'M5 13l4 4L19 7',
	lock: 'M6 11h12v9H6zM8 11V8a4 4 0 0 1 8 0v3',
	warning: 'M12 4l9 16H3zM12 10v4m0 3h.01',
} as const;
export type IconName = keyof typeof shapes;

/** A picture for those who see it; what it means is said by the words beside it, or by its button's label. */
export const Icon = ({name}: {name: IconName}) => (
	<svg className="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
		<path d={shapes[name]} />
	</svg>
);

export const Waiting = ({what}: {what: string}) => (
	<p className="waiting" role="status">
		<span className="spinner" aria-hidden="true" />
		{what}…
	</p>
);

export const Problem = ({error, again}: {error: unknown; again?: () => void}) => (
	<div className="problem" role="alert">
		<Icon name="warning" />
		<div>
			<p>{messageOf(error)}</p>
			{again && (
				<button type="button" onClick={again}>
					{isApiError(error, 'OFFLINE') ? 'Try again' : 'Load again'}
				</button>
			)}
		</div>
	</div>
);

export const Empty = ({icon, title, children}: {icon: IconName; title: string; children?: ReactNode}) => (
	<div className="empty">
		<Icon name={icon} />
		<h2>{title}</h2>
		{children}
	</div>
);

type DialogProps = {title: string; isWide?: boolean; onClose: () => void; children: ReactNode};

/** Stands over the page until it is closed, by its button, Escape, or a press beside it. */
export const Dialog = ({title, isWide = false, onClose, children}: DialogProps) => {
	const place = useRef<HTMLDialogElement>(null);
	const id = useId();
	// Before it leaves the page it is closed, so that the browser gives the focus back to where it was.
	useLayoutEffect(() => {
		const dialog = place.current;
		dialog?.showModal();
		return () => dialog?.close();
	}, []);
	return (
		<dialog
			ref={place}
			className={isWide ? 'wide' : undefined}
			aria-labelledby={id}
			onCancel={event => {
				event.preventDefault();
				onClose();
			}}
			onClick={event => {
				if (event.target === place.current) onClose();
			}}
		>
			<div className="dialog">
				<header>
					<h2 id={id}>{title}</h2>
					<button type="button" className="plain round" aria-label="Close" onClick={onClose}>
						<Icon name="close" />
					</button>
				</header>
				{children}
			</div>
		</dialog>
	);
};

type FieldProps = {
	label: string;
	hint?: string | undefined;
	children: (ids: {id: string; hintId?: string}) => ReactNode;
};

/** A field with its label, and what there is to know of it. */
export const Field = ({label, hint, children}: FieldProps) => {
	const id = useId();
	const hintId = `${id}-hint`;
	return (
		<div className="field">
			<label htmlFor={id}>{label}</label>
			{children(hint === undefined ? {id} : {id, hintId})}
			{hint !== undefined && (
				<p id={hintId} className="hint">
					{hint}
				</p>
			)}
		</div>
	);
};
