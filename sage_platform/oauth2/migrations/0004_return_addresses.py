from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("oauth2", "0003_unused_columns"),
    ]

    operations = [
        migrations.AddField(
            model_name="accesstoken",
            name="return_address",
            field=models.TextField(blank=True, default="", editable=False, verbose_name="return address"),
        ),
        migrations.AddField(
            model_name="grant",
            name="return_address",
            field=models.TextField(blank=True, default="", editable=False, verbose_name="return address"),
        ),
        migrations.AddField(
            model_name="refreshtoken",
            name="return_address",
            field=models.TextField(blank=True, default="", editable=False, verbose_name="return address"),
        ),
    ]
