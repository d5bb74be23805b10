/** Days as integers (0 = 1 January 1970) and the civil dates they stand for. Proleptic Gregorian, no zone. */

export interface CivilDate {
  readonly year: number;
  /** 1..12 */
  readonly month: number;
  /** 1..31 */
  readonly day: number;
}

// Both formulas: Howard Hinnant, "chrono-compatible low-level date algorithms" (days_from_civil, civil_from_days).

export function dayOfCivil(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146097 + dayOfEra - 719468;
}

export function civilOfDay(day: number): CivilDate {
  const shifted = day + 719468;
  const era = Math.floor(shifted / 146097);
  const dayOfEra = shifted - era * 146097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36524) - Math.floor(dayOfEra / 146096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shiftedMonth + (shiftedMonth < 10 ? 3 : -9);
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1,
  };
}

export function daysInMonth(year: number, month: number): number {
  return (month === 12 ? dayOfCivil(year + 1, 1, 1) : dayOfCivil(year, month + 1, 1)) - dayOfCivil(year, month, 1);
}

/** The same day of the month `months` later (or earlier), clamped to that month's end: 31 January + 1 month = 28 February. */
export function addMonths(day: number, months: number): number {
  const date = civilOfDay(day);
  const monthIndex = date.year * 12 + date.month - 1 + months;
  const year = Math.floor(monthIndex / 12);
  const month = monthIndex - year * 12 + 1;
  return dayOfCivil(year, month, Math.min(date.day, daysInMonth(year, month)));
}

/** The last day of the month, of the quarter (3 months), of the half-year (6) or of the year (12) that a day lies in. */
export function endOfMonths(day: number, months: 1 | 3 | 6 | 12): number {
  const date = civilOfDay(day);
  const last = Math.ceil(date.month / months) * months;
  return dayOfCivil(date.year, last, daysInMonth(date.year, last));
}
