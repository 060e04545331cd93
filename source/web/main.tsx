import './jitless.js';
import {StrictMode} from 'react';
import {createRoot} from 'react-dom/client';
import {App} from './app.js';
import './style.css';

const place = document.querySelector('#page');
if (place) {
	createRoot(place).render(
		<StrictMode>
			<App />
		</StrictMode>,
	);
}
