"""HardNeg-DiffusionITM: fine-tuning a diffusion model with hard negatives (LoRA)."""
