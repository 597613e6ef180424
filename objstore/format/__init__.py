"""Every byte that objstore leaves on a drive or packs into a row. One owner a format; released versions are frozen."""
