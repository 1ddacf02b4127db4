"""The network of Hu et al. 2016, one file a box: VGG-16, FCN, the LSTM-CNN, and the whole."""
