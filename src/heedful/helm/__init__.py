"""The whole picture of a model, in the manner of HELM: scenarios by metrics.

Liang et al., "Holistic evaluation of language models" (2022), https://arxiv.org/abs/2211.09110. docs/helm.md says how
each figure is computed and where it differs from the package crfm-helm.
"""
