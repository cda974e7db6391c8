/** Switches between the colours of the system, light and dark. */
import { useEffect, useState } from 'preact/hooks';

const THEMES = ['auto', 'light', 'dark'] as const;
const SYMBOLS = { auto: '◐', light: '☼', dark: '☾' } as const;

export function ThemeButton() {
  const [theme, setTheme] = useState<(typeof THEMES)[number]>('auto');
  useEffect(() => {
    document.documentElement.dataset['theme'] = theme;
  }, [theme]);
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
  return (
    <button
      aria-label={`Colours: ${theme === 'auto' ? 'of the system' : theme}`}
      title={`Colours: ${theme}`}
      onClick={() => setTheme(next)}
    >
      {SYMBOLS[theme]}
    </button>
  );
}
