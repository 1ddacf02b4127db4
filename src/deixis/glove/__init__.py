"""Word vectors from text alone: GloVe's text files, and GloVe trained on a corpus (Pennington et al. 2014)."""
