"""Market schemes: folders to be shown, checked, copied, compared with their copies, and upgraded."""
