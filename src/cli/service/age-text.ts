/** Durations as Docker shows them (HumanDuration of docker/go-units). */

const SECONDS_OF_HOUR = 3600;
const HOURS_OF_DAY = 24;

/** A duration in milliseconds: `Less than a second`, `5 seconds`, `About a minute`, `3 weeks`. */
export function ageText(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < 1) return 'Less than a second';
  if (seconds === 1) return '1 second';
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.floor(seconds / 60);
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.round(seconds / SECONDS_OF_HOUR);
  if (hours === 1) return 'About an hour';
  const days = Math.floor(hours / HOURS_OF_DAY);
  if (days < 2) return `${hours} hours`;
  if (days < 14) return `${days} days`;
  if (days < 60) return `${Math.floor(days / 7)} weeks`;
  if (days < 730) return `${Math.floor(days / 30)} months`;
  return `${Math.floor(days / 365)} years`;
}
