"""How likely it is to lose data in a year, by failure and repair rates. Pure arithmetic.

A volume of n = k+m drives loses its data when m+1 of them are lost before the first is rebuilt. Drives fail at a rate
λ each (from AFR, the part of them that fails in a year), a rebuild takes 1/µ hours, rebuilds run side by side:

    t₀ = 1/(nλ);  tᵢ = 1/((n-i)λ) + iµ/((n-i)λ) · tᵢ₋₁;  MTTDL = Σ tᵢ;  loss in a year ≈ 8766 h / MTTDL

Numbers above some 13 nines say nothing about software, operators and fires.
"""

from math import comb, expm1, inf, log1p, log10

HOURS_A_YEAR = 8766.0


def annual_loss(n: int, m: int, afr: float, repair_hours: float) -> float:
    """The chance that one volume is lost within a year. ``afr``: 0.014 for 1.4 %."""
    if afr <= 0:
        return 0.0
    rate, repair = -log1p(-afr) / HOURS_A_YEAR, 1 / repair_hours
    step, total = 0.0, 0.0
    for lost in range(m + 1):
        left = (n - lost) * rate
        step = 1 / left + lost * repair / left * step
        total += step
    return min(1.0, -expm1(-HOURS_A_YEAR / total))


def annual_loss_by_windows(n: int, m: int, afr: float, hours: float) -> float:
    """The same, thought of as windows of ``hours`` in each of which more than m drives have to fail (Backblaze)."""
    p = -expm1(-afr * hours / HOURS_A_YEAR)
    lost = sum(comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(m + 1, n + 1))
    return -expm1(HOURS_A_YEAR / hours * log1p(-lost))


def nines(loss: float) -> float:
    """0.001 → 3.0."""
    return inf if loss <= 0 else -log10(loss)


def repair_hours(drive_bytes: int, bytes_per_second: float, detection_seconds: float) -> float:
    """From a drive's failure until its bytes are whole again elsewhere."""
    return (detection_seconds + drive_bytes / bytes_per_second) / 3600


def loss_of_a_group(drives: int, n: int, m: int, failed: int, groups: int) -> float:
    """The chance that of ``groups`` sets of n drives one has more than m of ``failed`` drives that fail together."""
    worst = sum(comb(failed, i) * comb(drives - failed, n - i) for i in range(m + 1, min(n, failed) + 1))
    chance = worst / comb(drives, n)
    return 1.0 if chance >= 1 else -expm1(groups * log1p(-chance))
