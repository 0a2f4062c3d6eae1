"""Numbers from score matrices and labels: credits, measures, intervals, comparisons, bias."""
